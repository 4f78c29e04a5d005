/** Answers that pass what policy allows of them: cut off, said so, cancelled in the target; and the session goes on. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import { bind, execute, FLUSH, parse, query, SYNC } from '../wire/messages.ts';
import { until } from '../../../../test/support/until.ts';
import type { SeenRequest, SeenSession } from '../../test/test-sessions.ts';
import { rawLogin, type RawClient } from './raw-client.ts';
import { connect, direct, failure, gateway, psql, target } from './running.ts';

// In the select list: rows come one by one. In FROM all of them would be made first.
const ENDLESS = "select generate_series(1, 1000000000) i, repeat('x', 100)";
const run = (sql: string): Buffer => Buffer.concat([parse('', sql), bind('', ''), execute('')]);

beforeEach(() => {
  gateway.limits = undefined;
});

async function open(): Promise<{ client: RawClient; seen: SeenSession }> {
  const client = await rawLogin(gateway);
  return { client, seen: gateway.sessions.at(-1)! };
}
const types = ({ messages }: RawClient): string => messages.map(({ type }) => type).join('');
async function reported(seen: SeenSession, at: number): Promise<SeenRequest['responses'][number]> {
  await until('it is reported', () => (seen.requests[at]?.responses.length ?? 0) > 0);
  return seen.requests[at]!.responses[0]!;
}
async function nothingRuns(): Promise<void> {
  await until('the target runs nothing', async () => {
    const rows = await direct(
      "select 1 from pg_stat_activity where state = 'active' and query like '%generate_series%' and pid <> pg_backend_pid()",
    );
    return rows.length === 0;
  });
}

describe('a limit on rows', () => {
  it('lets exactly so many through, then says why in place of the next', async () => {
    gateway.limits = { rowsMax: 100 };
    const { client, seen } = await open();
    client.send(query(ENDLESS));
    assert.equal(await client.ready(1), `T${'D'.repeat(100)}EZ`);
    assert.deepEqual(
      client.errors().map(({ severity, sqlState, message }) => [severity, sqlState, message]),
      [['ERROR', '54000', 'answer cut off by policy: more than 100 rows']],
    );
    const detail = client.messages.find(({ type }) => type === 'E')!.body.toString();
    assert.match(detail, /Rule "test-rule"/);
    assert.match(detail, /Decision 0193a000-/);
    const { status, rows, errorCode } = await reported(seen, 0);
    assert.deepEqual([status, rows, errorCode], ['cut_off', 100, '54000']);
    await nothingRuns();
    assert.match(readFileSync(target.logFile, 'utf8'), /canceling statement due to user request/);
    client.socket.destroy();
  });

  it('leaves the session as any error does: the next statement runs', async () => {
    gateway.limits = { rowsMax: 3 };
    const client = await connect();
    for (let round = 0; round < 20; round += 1) {
      const error = await failure(client.query(ENDLESS));
      assert.equal(error.code, '54000');
      assert.deepEqual((await client.query('select 1 as one')).rows, [{ one: 1 }], `round ${round}`);
    }
    await client.end();
  });

  it('holds where the target had said all before the cut: it hits nothing behind', async () => {
    gateway.limits = { rowsMax: 3 };
    const client = await connect();
    for (let round = 0; round < 50; round += 1) {
      const error = await failure(client.query('select * from generate_series(1, 4)'));
      assert.equal(error.code, '54000');
      assert.equal((await client.query('select pg_sleep(0), 7 as seven')).rows[0].seven, 7);
    }
    await client.end();
  });

  it('that is not passed changes nothing', async () => {
    gateway.limits = { rowsMax: 3, bytesMax: 1_000_000, sessionRowsMax: 100, sessionBytesMax: 1_000_000 };
    const { client, seen } = await open();
    client.send(query('select * from generate_series(1, 3)'));
    assert.equal(await client.ready(1), 'TDDDCZ');
    assert.equal((await reported(seen, 0)).status, 'ok');
    client.socket.destroy();
  });

  it('aborts a transaction', async () => {
    gateway.limits = { rowsMax: 5 };
    const client = await connect();
    await client.query('begin');
    assert.equal((await failure(client.query(ENDLESS))).code, '54000');
    assert.equal((await failure(client.query('select 1'))).code, '25P02');
    await client.query('rollback');
    await client.end();
  });

  it('holds for prepared statements with parameters', async () => {
    gateway.limits = { rowsMax: 10 };
    const client = await connect();
    const text = 'select generate_series(1, $1::int)';
    assert.equal((await client.query({ name: 'p', text, values: [10] })).rows.length, 10);
    for (let round = 0; round < 3; round += 1) {
      assert.equal((await failure(client.query({ name: 'p', text, values: [1_000_000_000] }))).code, '54000');
      assert.equal((await client.query({ name: 'p', text, values: [9] })).rows.length, 9);
    }
    await client.end();
  });

  it('holds for COPY to the client', async () => {
    gateway.limits = { rowsMax: 1000 };
    const ran = await psql(['-c', `copy (${ENDLESS}) to stdout`]);
    assert.equal(ran.out.trimEnd().split('\n').length, 1000);
    assert.match(ran.err, /answer cut off by policy: more than 1000 rows/);
    await nothingRuns();
  });

  it('holds for each portion of a cursor by itself', async () => {
    gateway.limits = { rowsMax: 10 };
    const client = await connect();
    await client.query(`begin; declare c cursor for ${ENDLESS}`);
    assert.equal((await client.query('fetch 10 from c')).rows.length, 10);
    assert.equal((await client.query('fetch 10 from c')).rows.length, 10);
    assert.equal((await failure(client.query('fetch 11 from c'))).code, '54000');
    await client.end();
  });
});

describe('a limit on bytes', () => {
  it('cuts off before the row that would pass it, however long', async () => {
    gateway.limits = { bytesMax: 50_000 };
    const { client, seen } = await open();
    client.send(query("select 'small' union all select repeat('x', 50000000)"));
    assert.equal(await client.ready(1), 'TDEZ');
    const { status, bytes } = await reported(seen, 0);
    assert.equal(status, 'cut_off');
    assert.ok(bytes <= 50_000, `${bytes}`);
    client.send(query('select 2'));
    assert.equal(await client.ready(2), 'TDEZTDCZ');
    client.socket.destroy();
  });

  it('is near what the client receives', async () => {
    gateway.limits = { bytesMax: 1_000_000 };
    const { client, seen } = await open();
    client.send(query(ENDLESS));
    await client.ready(1);
    const { bytes } = await reported(seen, 0);
    assert.ok(bytes > 990_000 && bytes <= 1_000_000, `${bytes}`);
    client.socket.destroy();
  });
});

describe('limits of a session', () => {
  it('count all its answers', async () => {
    gateway.limits = { sessionRowsMax: 10 };
    const client = await connect();
    assert.equal((await client.query('select * from generate_series(1, 6)')).rows.length, 6);
    const error = await failure(client.query('select * from generate_series(1, 6)'));
    assert.match(error.message, /more than 10 rows in this session/);
    assert.equal((await failure(client.query('select 1'))).code, '54000', 'nothing is left');
    await client.query('set statement_timeout = 0');
    await client.end();
    const other = await connect();
    assert.equal((await other.query('select * from generate_series(1, 6)')).rows.length, 6);
    await other.end();
  });

  it('cannot be passed by sending statements ahead', async () => {
    gateway.limits = { sessionRowsMax: 10 };
    const { client } = await open();
    client.send(...Array.from({ length: 20 }, () => query('select * from generate_series(1, 4)')));
    await client.ready(20);
    assert.equal(client.messages.filter(({ type }) => type === 'D').length, 10);
    client.socket.destroy();
  });
});

describe('a cut in a pipeline', () => {
  it('hides what the target still does until Sync, and nothing behind it', async () => {
    gateway.limits = { rowsMax: 3 };
    const { client, seen } = await open();
    client.send(run('select 1'), run('select * from generate_series(1, 4)'), run('select 2'), SYNC);
    await client.ready(1);
    assert.equal(types(client), '12DC12DDDEZ');
    client.send(run('select 3'), SYNC);
    assert.equal(await client.ready(2), '12DC12DDDEZ12DCZ');
    assert.deepEqual((await reported(seen, 1)).status, 'cut_off');
    client.socket.destroy();
  });

  it('makes the gateway skip to Sync where none was sent', async () => {
    gateway.limits = { rowsMax: 3 };
    const { client, seen } = await open();
    client.send(run('select * from generate_series(1, 4)'), FLUSH);
    await until('it is cut off', () => types(client).includes('E'));
    client.send(run('create table cut_behind (i int)'), SYNC);
    await client.ready(1);
    assert.equal(types(client), '12DDDEZ');
    assert.equal(seen.requests.length, 1, 'nothing behind it was even judged');
    assert.deepEqual(await direct("select to_regclass('cut_behind') as found"), [{ found: null }]);
    client.send(run('select 3'), SYNC);
    assert.equal(await client.ready(2), '12DDDEZ12DCZ');
    client.socket.destroy();
  });

  it('of several statements in one string ends the string', async () => {
    gateway.limits = { rowsMax: 3 };
    const { client } = await open();
    client.send(query(`select 1; ${ENDLESS}; select 2`));
    assert.equal(await client.ready(1), 'TDCTDDEZ');
    client.send(query('select 3'));
    assert.equal(await client.ready(2), 'TDCTDDEZTDCZ');
    client.socket.destroy();
  });
});
