/** What goes wrong on either side in the middle of things: versions nobody has, COPY broken off, cancels that come late, servers that go. */
import assert from 'node:assert/strict';
import { connect as dial } from 'node:net';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { connectDirectly } from '../../../../test/servers/postgres-client.ts';
import { decodeError } from '../wire/decode.ts';
import { FLUSH, message, parse, query, startup, SYNC } from '../wire/messages.ts';
import { libraryClient, startGateway, USER, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { rawLogin, type RawClient } from './raw-client.ts';

let target: TestPostgres;
let gateway: TestGateway;
let direct: pg.Client;
before(async () => {
  target = await startPostgres();
  gateway = await startGateway({
    target,
    credential: { username: target.user, password: target.password },
  });
  direct = await connectDirectly(target);
});
after(async () => {
  await direct?.end();
  await gateway?.stop();
  await target?.stop();
});

/** What comes back to a first message, until the other side closes. */
function answerTo(first: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = dial(gateway.port, gateway.host);
    const parts: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => parts.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(parts)));
    socket.write(first);
  });
}

describe('protocol versions', () => {
  it('that are too old or too new are refused with a word', async () => {
    for (const version of [0x10000, 0x20000, 0x40000, 0x2ffff]) {
      const answer = await answerTo(startup(version, new Map([['user', USER]])));
      assert.equal(String.fromCharCode(answer[0]!), 'E', version.toString(16));
      const { sqlState, message: text } = decodeError(answer, 0, answer.length);
      assert.equal(sqlState, '08P01');
      assert.match(text, /protocol version \d+\.\d+ is not supported \(3\.0 to 3\.2 are\)/);
    }
  });

  it('of 3 are all served, newer ones as the newest that is known', async () => {
    for (const minor of [0, 1, 2, 3, 4711, 0xffff]) {
      const client = await rawLogin(gateway, { version: 0x30000 + minor });
      assert.equal(client.negotiated, minor > 2 ? 0x30002 : undefined, String(minor));
      assert.equal(client.backendKey.key.length, minor >= 2 ? 32 : 4);
      client.send(query('select 1'));
      assert.equal(await client.ready(1), 'TDCZ');
      client.socket.destroy();
    }
  });
});

const copyData = (text: string): Buffer => message(0x64, Buffer.from(text));
const COPY_DONE = message(0x63, Buffer.alloc(0));
const rowsOf = async (table: string): Promise<number> =>
  Number((await direct.query<{ n: string }>(`select count(*) n from ${table}`)).rows[0]!.n);

async function copying(sql: string, type: 'G' | 'H'): Promise<RawClient> {
  const client = await rawLogin(gateway);
  client.send(query(sql));
  await until('the COPY has begun', () => client.messages.some((one) => one.type === type));
  return client;
}
const backendGone = (sql: string): Promise<void> =>
  until('its backend has gone', async () => {
    const { rowCount } = await direct.query(
      "select from pg_stat_activity where query = $1 and state <> 'idle'",
      [sql],
    );
    return rowCount === 0;
  });

describe('a COPY that is broken off', () => {
  before(() => direct.query('create table copied (i int)'));

  it('by a client that goes: nothing is written, the backend ends, the request is told', async () => {
    const client = await copying('copy copied from stdin', 'G');
    const seen = gateway.sessions.at(-1)!;
    client.send(copyData('1\n'), copyData('2\n'));
    client.socket.destroy();
    await until('the session is closed', () => seen.closes.length === 1);
    await backendGone('copy copied from stdin');
    assert.equal(await rowsOf('copied'), 0);
    assert.deepEqual(
      seen.requests[0]!.responses.map(({ status }) => status),
      ['cut_off'],
    );
  });

  it('by a client in the middle of one message', async () => {
    const client = await copying('copy copied from stdin', 'G');
    const seen = gateway.sessions.at(-1)!;
    client.send(copyData('1\n2\n3\n').subarray(0, 7));
    client.socket.destroy();
    await until('the session is closed', () => seen.closes.length === 1);
    await backendGone('copy copied from stdin');
    assert.equal(await rowsOf('copied'), 0);
  });

  it('by CopyFail: the session goes on', async () => {
    const client = await copying('copy copied from stdin', 'G');
    client.send(copyData('1\n'), message(0x66, Buffer.from('no more\0')));
    await client.ready(1);
    client.send(query('select 1'));
    await client.ready(2);
    assert.deepEqual(
      client.errors().map(({ sqlState }) => sqlState),
      ['57014'],
    );
    assert.equal(await rowsOf('copied'), 0);
    client.socket.destroy();
  });

  it('by the target while it reads: the client hears of it', async () => {
    const client = await copying('copy copied from stdin', 'G');
    const seen = gateway.sessions.at(-1)!;
    client.send(copyData('1\n'));
    await direct.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query = 'copy copied from stdin'",
    );
    client.send(copyData('2\n'));
    await until('the client is told', () => client.closed);
    assert.equal(client.errors()[0]!.sqlState, '57P01');
    assert.equal(seen.closes[0]!.reason, 'target_closed');
    assert.equal(await rowsOf('copied'), 0);
  });

  it('by the target while it sends: the client hears of it, and what came is counted', async () => {
    const sql =
      'copy (select g, repeat($$x$$, 10000), pg_sleep(case when g > 3 then 60 else 0 end) from generate_series(1, 9) g) to stdout';
    const client = await copying(sql, 'H');
    const seen = gateway.sessions.at(-1)!;
    await direct.query('select pg_terminate_backend(pid) from pg_stat_activity where query = $1', [sql]);
    await until('the client is told', () => client.closed);
    assert.equal(client.errors()[0]!.sqlState, '57P01');
    assert.equal(seen.requests[0]!.responses.length, 1);
  });

  it('by nobody: it ends as it should', async () => {
    const client = await copying('copy copied from stdin', 'G');
    client.send(copyData('1\n2\n'), COPY_DONE);
    assert.equal(await client.ready(1), 'GCZ');
    assert.equal(await rowsOf('copied'), 2);
    client.socket.destroy();
  });
});

describe('a cancel request', () => {
  const cancel = async ({ backendKey: { pid, key } }: RawClient): Promise<void> => {
    const head = Buffer.alloc(16);
    head.writeInt32BE(12 + key.length);
    head.writeInt32BE(80_877_102, 4);
    head.writeInt32BE(pid, 8);
    await answerTo(Buffer.concat([head.subarray(0, 12), key]));
  };

  it('that comes too late hurts nothing that comes later', async () => {
    const client = await rawLogin(gateway, { version: 0x30002 });
    const seen = gateway.sessions.at(-1)!;
    client.send(query('select 1'));
    await client.ready(1);
    await cancel(client);
    // It has been passed on, and the idle backend has taken no notice.
    await until('it is answered', () =>
      seen.requests.some(({ input, responses }) => input.verb === 'cancel' && responses.length === 1),
    );
    client.send(query('select 2'));
    await client.ready(2);
    client.send(query('select 3'));
    assert.equal(await client.ready(3), 'TDCZTDCZTDCZ');
    client.socket.destroy();
  });

  it("for one session leaves another's query alone", async () => {
    const one = await rawLogin(gateway);
    const other = await rawLogin(gateway);
    const running = (): Promise<boolean> =>
      direct
        .query("select from pg_stat_activity where query = 'select pg_sleep(600), 1' and state = 'active'")
        .then(({ rowCount }) => rowCount === 1);
    other.send(query('select pg_sleep(600), 1'));
    await until('it runs', running);
    await cancel(one);
    await until('the cancel has been passed on', () =>
      gateway.sessions.some(({ requests }) =>
        requests.some(({ input, responses }) => input.verb === 'cancel' && responses.length === 1),
      ),
    );
    assert.equal(await running(), true);
    await cancel(other);
    await other.ready(1);
    assert.equal(other.errors()[0]!.sqlState, '57014');
    for (const client of [one, other]) client.socket.destroy();
  });

  it('in a pipeline fails the statement that runs, and its pipeline', async () => {
    const client = await rawLogin(gateway);
    const run = (sql: string): Buffer =>
      Buffer.concat([
        parse('', sql),
        message(0x42, Buffer.alloc(8)),
        message(0x45, Buffer.concat([Buffer.from([0]), Buffer.alloc(4)])),
      ]);
    client.send(run('select pg_sleep(600), 2'), run('create table never (i int)'), FLUSH, SYNC);
    await until(
      'it runs',
      async () =>
        (await direct.query("select from pg_stat_activity where query = 'select pg_sleep(600), 2'"))
          .rowCount === 1,
    );
    await cancel(client);
    await client.ready(1);
    assert.equal(client.errors()[0]!.sqlState, '57014');
    assert.equal((await direct.query("select to_regclass('never') r")).rows[0].r, null);
    client.socket.destroy();
  });
});

describe('failover in a transaction', () => {
  it('ends the session, says what is lost, and the next one finds the other server', async () => {
    const other = await startPostgres();
    const through = await startGateway({
      target: other,
      credential: { username: other.user, password: other.password },
      options: { hosts: [{ host: target.host, port: target.port }] },
    });
    await direct.query(`alter role ${target.user} password '${other.password}'`);
    try {
      const client = libraryClient(through);
      await client.connect();
      await client.query('create table moved (i int)');
      await client.query('begin');
      await client.query('insert into moved values (1)');
      const running = client.query('select pg_sleep(600)').catch((error: unknown) => error);
      const seen = through.sessions[0]!;
      await until('it runs', () => seen.requests.length === 4);
      await other.stop();
      assert.match(String(((await running) as { code?: string }).code), /^(57P01|57P02|08006)$/);
      await until('the session is closed', () => seen.closes.length === 1);
      assert.equal(seen.closes[0]!.reason, 'target_closed');
      assert.equal(seen.requests[3]!.responses.length, 1);
      assert.notEqual(seen.requests[3]!.responses[0]!.status, 'ok');
      const next = libraryClient(through);
      await next.connect();
      assert.equal(through.sessions[1]!.opening.target.port, target.port);
      // Nothing of the transaction is there, and no memory of it.
      assert.equal((await next.query("select to_regclass('moved') r")).rows[0].r, null);
      await next.end();
    } finally {
      await through.stop();
      await direct.query(`alter role ${target.user} password '${target.password}'`);
    }
  });
});
