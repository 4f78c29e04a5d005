/** Targets that are down, silent, or restarted in the middle of a statement. */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { connect } from './support/client.ts';
import { until } from '../support/until.ts';
import { startWhole, type Login, type Whole } from './support/whole.ts';

describe('a target', () => {
  let postgres: TestPostgres;
  let whole: Whole;
  let login: Login;
  before(async () => {
    postgres = await startPostgres();
    whole = await startWhole(postgres);
    login = await whole.issue('user', 'human');
  });
  after(async () => {
    await whole?.stop();
    await postgres?.stop();
  });
  const putConnection = (name: string, port: number): Promise<unknown> =>
    whole.api.send('PUT', `/v1/connections/${name}`, {
      protocol: 'postgres',
      host: '127.0.0.1',
      port,
      database: 'postgres',
      role: postgres.user,
      tls: 'disable',
      credential: { password: postgres.password },
    });
  const refusal = (code: string): Promise<void> =>
    until(`${code} is an event`, async () =>
      (await whole.events()).some(({ body }) => body.kind === 'session_refused' && body.code === code),
    );

  it('that is down: the client hears which connection and why, with a code, and there is an event', async () => {
    const nobody = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => nobody.once('listening', resolve));
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    await putConnection('down', port);
    await until('the connection is known', async () => {
      const { refused } = await connect(whole, login, 'down');
      return refused?.sqlState === '08001' && /"down"/.test(refused.message);
    });
    await refusal('POSTGRES_TARGET_UNREACHABLE');
  });

  it('that takes the connection and says nothing does not hold others up', async () => {
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    try {
      await putConnection('silent', (silent.address() as AddressInfo).port);
      const waiting: Promise<unknown>[] = [];
      await until('logins wait for the target', async () => {
        waiting.push(connect(whole, login, 'silent'));
        await new Promise((resolve) => setTimeout(resolve, 100));
        return sockets.size >= 3;
      });
      const good = await connect(whole, login);
      assert.deepEqual((await good.query('select 1')).rows, [[1]]);
      await good.end();
      // It gives up; whoever waited hears it.
      for (const socket of sockets) socket.destroy();
      await Promise.all(waiting);
    } finally {
      silent.close();
    }
  });

  it('restarted in the middle of a statement: the client hears it, the events are complete, and it serves again', async () => {
    const client = await connect(whole, login);
    const idle = await connect(whole, login);
    await client.query('select 1');
    const running = client.query('select pg_sleep(60), 4711');
    await until('it runs', async () => {
      const { rows } = await idle.query(
        "select count(*)::int from pg_stat_activity where query like '%4711%' and state = 'active' and pid <> pg_backend_pid()",
      );
      return rows[0]?.[0] === 1;
    });
    await postgres.restart();
    const { sqlState } = await running;
    assert.match(sqlState ?? '', /^(57P01|08006)$/);
    await until('both are closed', () => client.closed && idle.closed);
    const again = await connect(whole, login);
    assert.deepEqual((await again.query('select 2')).rows, [[2]]);
    await again.end();

    await until('the session is closed in the log', async () => {
      const events = await whole.events();
      const request = events.find(
        ({ body }) => body.kind === 'request' && body.text === 'select pg_sleep(60), 4711',
      );
      const own = events.filter(({ session }) => session?.id === request?.session?.id);
      const response = own.find(
        ({ body, requestId }) => body.kind === 'response' && requestId === request?.requestId,
      );
      const closed = own.find(({ body }) => body.kind === 'session_closed');
      if (request === undefined || response === undefined || closed === undefined) return false;
      assert.ok(
        response.body.kind === 'response' && ['error', 'lost'].includes(response.body.status),
        JSON.stringify(response.body),
      );
      assert.ok(closed.body.kind === 'session_closed' && closed.body.reason === 'target_closed');
      assert.deepEqual(
        own.map(({ session }) => session!.sequence),
        own.map((_, index) => index + 1),
      );
      return true;
    });
  });

  it('that is slow: a statement that is cancelled or whose client goes ends in the target', async () => {
    const client = await connect(whole, login);
    const watch = await connect(whole, login);
    const running = async (): Promise<number> => {
      const { rows } = await watch.query(
        "select count(*)::int from pg_stat_activity where query like '%0815%' and state = 'active' and pid <> pg_backend_pid()",
      );
      return rows[0]![0] as number;
    };
    const slow = client.query('select pg_sleep(60), 0815');
    await until('it runs', async () => (await running()) === 1);
    client.socket.destroy();
    await slow;
    await until('it has ended in the target', async () => (await running()) === 0);
    await watch.end();
  });
});
