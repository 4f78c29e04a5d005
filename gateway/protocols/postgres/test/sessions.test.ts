import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { connect, direct, failure, gateway, session, target } from './running.ts';

describe('a session', () => {
  it('runs simple and extended queries, and reports each', async () => {
    const seen = await session(async (client) => {
      assert.deepEqual((await client.query('select 1 as a')).rows, [{ a: 1 }]);
      assert.deepEqual((await client.query('select $1::int + 1 as b', [41])).rows, [{ b: 42 }]);
      await client.query('create temp table t (i int)');
      await client.query('insert into t select generate_series(1, 5)');
      assert.equal((await client.query({ name: 'p', text: 'select * from t' })).rowCount, 5);
      assert.equal((await client.query({ name: 'p', text: 'select * from t' })).rowCount, 5);
      const error = await failure(client.query('select 1/0'));
      assert.equal(error.code, '22012');
    });
    assert.deepEqual(
      seen.requests.map(({ input, responses }) => [
        input.verb,
        input.text,
        responses.map(({ status, rows, tag, errorCode }) => [status, rows, tag, errorCode]),
      ]),
      [
        ['query', 'select 1 as a', [['ok', 1, 'SELECT 1', null]]],
        ['execute', 'select $1::int + 1 as b', [['ok', 1, 'SELECT 1', null]]],
        ['query', 'create temp table t (i int)', [['ok', 0, 'CREATE TABLE', null]]],
        ['query', 'insert into t select generate_series(1, 5)', [['ok', 5, 'INSERT 0 5', null]]],
        ['execute', 'select * from t', [['ok', 5, 'SELECT 5', null]]],
        ['execute', 'select * from t', [['ok', 5, 'SELECT 5', null]]],
        ['query', 'select 1/0', [['error', 0, null, '22012']]],
      ],
    );
    assert.equal(seen.requests[1]!.input.parameterCount, 1);
    assert.equal(seen.requests[1]!.input.parametersDigest?.length, 32);
    assert.deepEqual(
      seen.closes.map(({ reason }) => reason),
      ['client_closed'],
    );
    assert.match(seen.opening.targetSession!, /^\d+@\d+\.\d+$/);
  });

  it('makes a denial fail in the target, with the transaction', async () => {
    gateway.decide = (input) => (/drop/i.test(input.text) ? 'deny' : 'allow');
    const seen = await session(async (client) => {
      await client.query('create table if not exists victim (i int)');
      for (const run of [
        () => client.query('drop table victim'),
        () => client.query('drop table victim', []),
        () => client.query({ name: 'd', text: 'drop table victim', values: [] }),
        () => client.query('insert into victim values (1); drop table victim'),
      ]) {
        await client.query('begin');
        const error = await failure(run());
        assert.equal(error.code, '42501');
        assert.match(error.message, /denied by policy: the test says so/);
        assert.match(error.detail!, /test-rule/);
        assert.match(error.hint!, /0193a000-/);
        assert.equal((await failure(client.query('select 1'))).code, '25P02');
        await client.query('rollback');
        assert.deepEqual((await client.query('select count(*)::int as n from victim')).rows, [{ n: 0 }]);
      }
    });
    const denied = seen.requests.filter(({ outcome }) => outcome === 'deny');
    assert.equal(denied.length, 4);
    assert.ok(denied.every(({ responses }) => responses.length === 0));
    assert.ok(
      seen.requests
        .filter(({ outcome }) => outcome === 'allow')
        .every(({ responses }) => responses.length === 1),
    );
    assert.deepEqual(await direct("select to_regclass('victim')::text as t"), [{ t: 'victim' }]);
  });

  it('holds, then allows or denies; what is pipelined behind waits in order', async () => {
    let open: ((value: 'allow' | 'deny') => void) | undefined;
    gateway.decide = (input) =>
      input.text.includes('held')
        ? new Promise((resolve) => {
            open = resolve;
          })
        : 'allow';
    await session(async (client, seen) => {
      const order: string[] = [];
      const held = client.query("select 'held' as h").then((result) => order.push(String(result.rows[0].h)));
      const behind = client
        .query("select 'behind' as h")
        .then((result) => order.push(String(result.rows[0].h)));
      await until('it is held', () => open !== undefined);
      assert.equal(seen.requests.length, 1);
      open!('allow');
      await Promise.all([held, behind]);
      assert.deepEqual(order, ['held', 'behind']);
      open = undefined;
      const denied = failure(client.query("select 'held' as h", []));
      await until('it is held', () => open !== undefined);
      open!('deny');
      assert.equal((await denied).code, '42501');
      assert.deepEqual((await client.query('select 1 as a')).rows, [{ a: 1 }]);
    });
  });

  it('refuses what the protocol must refuse, also as Parse', async () => {
    await session(async (client) => {
      const sql = "set client_connection_check_interval = '0'";
      assert.equal((await failure(client.query(sql))).code, '42501');
      assert.equal((await failure(client.query({ name: 'x', text: sql }))).code, '42501');
      assert.deepEqual((await client.query('show client_connection_check_interval')).rows, [
        { client_connection_check_interval: '500ms' },
      ]);
    });
  });

  it('follows search_path and role through SET, SET LOCAL, ROLLBACK', async () => {
    const { createFakeAnalyser } = await import('./fake-analyser.ts');
    const analyser = createFakeAnalyser();
    const own = await startGateway({
      target,
      credential: { username: target.user, password: target.password },
      analyser,
    });
    const client = await connect({ host: own.host, port: own.port });
    const run = async (sql: string, extended = false): Promise<void> => {
      await client.query(extended ? { text: sql, values: [] } : sql);
    };
    const pathOf = (sql: string): string | null | undefined =>
      analyser.seen.findLast((entry) => entry.sql === sql)?.searchPath;
    await run('select 1');
    assert.equal(pathOf('select 1'), '"$user", public');
    await run('set search_path = a', true);
    await run('select 2', true);
    assert.equal(pathOf('select 2'), 'a');
    await run('begin');
    await run('set local search_path = b');
    await run('select 3');
    assert.equal(pathOf('select 3'), 'b');
    await run('savepoint s');
    await run('set local search_path = c');
    await run('select 4');
    assert.equal(pathOf('select 4'), 'c');
    await run('rollback to s');
    await run('select 5');
    assert.equal(pathOf('select 5'), 'b');
    await run('rollback');
    await run('select 6');
    assert.equal(pathOf('select 6'), 'a');
    // Asking takes no snapshot: the isolation level can still be set.
    await run('begin');
    await run('set local search_path = d');
    await run('set transaction isolation level serializable');
    await run('commit');
    await run('select 7');
    assert.equal(pathOf('select 7'), 'a');
    await client.end();
    await own.stop();
  });

  it('streams a large result to a slow reader in bounded memory', async () => {
    gateway.keepRecording = false;
    const client = await connect();
    const seen = gateway.sessions.at(-1)!;
    const { stream } = (client as unknown as { connection: { stream: import('node:net').Socket } })
      .connection;
    const query = client.query("select i, repeat('x', 500) as t from generate_series(1, 200000) i");
    stream.pause();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for (let round = 0; round < 50; round += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    assert.ok(most < 32 * 1024 * 1024, `${most} bytes of buffers`);
    assert.equal(seen.requests.at(-1)!.responses.length, 0);
    stream.resume();
    const result = await query;
    assert.equal(result.rowCount, 200_000);
    assert.deepEqual(
      seen.requests.at(-1)!.responses.map(({ rows, status }) => [rows, status]),
      [[200_000, 'ok']],
    );
    await client.end();
    gateway.keepRecording = true;
  });
});
