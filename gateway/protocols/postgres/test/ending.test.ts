import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../../../test/support/until.ts';
import { connect, direct, failure, gateway, session, target } from './running.ts';

describe('ending', () => {
  it('cancels only with the right key', async () => {
    const client = await connect();
    const running = failure(client.query('select pg_sleep(60)'));
    await until(
      'it sleeps',
      async () =>
        (
          await direct(
            "select 1 from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'",
          )
        ).length > 0,
    );
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
    const send = async (pid: number, key: number): Promise<void> => {
      const { connect: dial } = await import('node:net');
      const socket = dial(gateway.port, gateway.host);
      const request = Buffer.alloc(16);
      request.writeInt32BE(16);
      request.writeInt32BE(80877102, 4);
      request.writeInt32BE(pid, 8);
      request.writeInt32BE(key, 12);
      socket.end(request);
      await new Promise((resolve) => {
        socket.once('close', resolve);
        socket.resume();
      });
    };
    await send(processID, secretKey ^ 1);
    await send(processID + 1, secretKey);
    assert.equal(
      (
        await direct(
          "select 1 from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'",
        )
      ).length,
      1,
    );
    await send(processID, secretKey);
    assert.equal((await running).code, '57014');
    assert.deepEqual((await client.query('select 1 as a')).rows, [{ a: 1 }]);
    const seen = gateway.sessions.at(-1)!;
    assert.equal(
      seen.requests.find(({ input }) => input.text.includes('sleep'))!.responses[0]!.status,
      'cancelled',
    );
    assert.equal(seen.requests.filter(({ input }) => input.verb === 'cancel').length, 1);
    await client.end();
  });

  it('kills in the middle of a statement: client told, backend gone', async () => {
    const client = await connect();
    const seen = gateway.sessions.at(-1)!;
    const ended = failure(client.query('select pg_sleep(61)'));
    const pid = seen.opening.targetSession!.split('@')[0]!;
    await until(
      'it sleeps',
      async () =>
        (await direct(`select 1 from pg_stat_activity where pid = ${pid} and state = 'active'`)).length > 0,
    );
    seen.end();
    const error = await ended;
    assert.match(error.message, /locked out: killed by the test|Connection terminated/);
    await until(
      'the backend is gone',
      async () => (await direct(`select 1 from pg_stat_activity where pid = ${pid}`)).length === 0,
    );
    assert.deepEqual(seen.closes.length, 1);
    assert.equal(seen.requests[0]!.responses[0]!.status, 'cut_off');
  });

  it('ends the backend of a client that vanishes', async () => {
    const client = await connect();
    const seen = gateway.sessions.at(-1)!;
    const pid = seen.opening.targetSession!.split('@')[0]!;
    client.query('select pg_sleep(62)').catch(() => {});
    await until(
      'it sleeps',
      async () =>
        (await direct(`select 1 from pg_stat_activity where pid = ${pid} and state = 'active'`)).length > 0,
    );
    (client as unknown as { connection: { stream: import('node:net').Socket } }).connection.stream.destroy();
    await until(
      'the backend is gone',
      async () => (await direct(`select 1 from pg_stat_activity where pid = ${pid}`)).length === 0,
    );
    await until('closed', () => seen.closes.length === 1);
    assert.equal(seen.closes[0]!.reason, 'client_closed');
  });

  it('tells the client when the target is lost, and serves again when it is back', async () => {
    const client = await connect();
    const seen = gateway.sessions.at(-1)!;
    const ended = failure(client.query('select pg_sleep(63)'));
    await until(
      'it sleeps',
      async () =>
        (
          await direct(
            "select 1 from pg_stat_activity where query = 'select pg_sleep(63)' and state = 'active'",
          )
        ).length > 0,
    );
    await target.restart();
    const error = await ended;
    assert.ok(['57P01', '08006'].includes(error.code!), error.message);
    await until('closed', () => seen.closes.length === 1);
    assert.equal(seen.closes[0]!.reason, 'target_closed');
    await session(async (again) => {
      assert.deepEqual((await again.query('select 1 as a')).rows, [{ a: 1 }]);
    });
  });
});
