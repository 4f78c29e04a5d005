import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, beforeEach, describe, it } from 'node:test';
import pg from 'pg';
import { lacking } from '../../../../test/servers/available.ts';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { startGateway, TOKEN, until, USER, type SeenSession, type TestGateway } from './gateway.ts';

let target: TestPostgres;
let gateway: TestGateway;

before(async () => {
  target = await startPostgres();
  gateway = await startGateway({
    target,
    credential: { username: target.user, password: target.password },
  });
});
after(async () => {
  await gateway.stop();
  await target.stop();
});
beforeEach(() => {
  gateway.decide = () => 'allow';
});

const options = (overrides: pg.ClientConfig = {}): pg.ClientConfig => ({
  host: gateway.host,
  port: gateway.port,
  user: USER,
  password: TOKEN,
  database: 'main',
  ...overrides,
});

async function connect(overrides: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client(options(overrides));
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Runs `work` on a client of its own; what it did stands in the session. */
async function session<T>(work: (client: pg.Client, seen: SeenSession) => Promise<T>): Promise<SeenSession> {
  const client = await connect();
  const seen = gateway.sessions.at(-1)!;
  try {
    await work(client, seen);
  } finally {
    await client.end();
  }
  await until('the session is closed', () => seen.closes.length > 0);
  return seen;
}

async function direct(sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    host: target.host,
    port: target.port,
    user: target.user,
    password: target.password,
    database: 'postgres',
  });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

interface Ran {
  code: number | null;
  out: string;
  err: string;
}
function psql(args: string[], input = '', database = 'main'): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(
      'psql',
      ['-X', '-h', gateway.host, '-p', String(gateway.port), '-U', USER, '-d', database, ...args],
      { env: { ...process.env, PGPASSWORD: TOKEN, PGCONNECT_TIMEOUT: '10' } },
    );
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('close', (code) => resolve({ code, out, err }));
    child.stdin.end(input);
  });
}

const failure = async (work: Promise<unknown>): Promise<pg.DatabaseError> => {
  try {
    await work;
  } catch (error) {
    return error as pg.DatabaseError;
  }
  throw new Error('it did not fail');
};

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

describe('pgbench', { skip: lacking('pgbench') }, () => {
  it('runs in every mode, and each transaction is one request with one response', async () => {
    const bench = (args: string[]): Promise<Ran> =>
      new Promise((resolve) => {
        const child = spawn(
          'pgbench',
          ['-h', gateway.host, '-p', String(gateway.port), '-U', USER, ...args, 'main'],
          { env: { ...process.env, PGPASSWORD: TOKEN } },
        );
        let out = '';
        let err = '';
        child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
        child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
        child.on('close', (code) => resolve({ code, out, err }));
      });
    assert.equal((await bench(['-i', '-s', '1', '-q'])).code, 0);
    for (const mode of ['simple', 'extended', 'prepared']) {
      const from = gateway.sessions.length;
      const ran = await bench(['-S', '-n', '-c', '4', '-t', '50', '-M', mode]);
      assert.match(ran.out, /processed: 200\/200/);
      const sessions = gateway.sessions.slice(from);
      await until('all are closed', () => sessions.every(({ closes }) => closes.length === 1));
      const selects = sessions
        .flatMap(({ requests }) => requests)
        .filter(({ input }) => input.text.startsWith('SELECT abalance'));
      assert.equal(selects.length, 200);
      for (const { responses } of selects)
        assert.deepEqual(
          responses.map(({ status, rows }) => [status, rows]),
          [['ok', 1]],
        );
    }
  });
});

describe('psql', { skip: lacking('psql') }, () => {
  it('copies out and in, and \\copy', async () => {
    const ran = await psql(
      ['-v', 'ON_ERROR_STOP=1', '-At'],
      [
        'create table copied (i int, t text);',
        'copy copied from stdin;\n1\tone\n2\ttwo\n\\.\n',
        '\\copy copied from program \'printf "3\\tthree\\n"\'',
        'copy (select * from copied order by i) to stdout;',
        '\\copy (select count(*) from copied) to stdout',
        "select 'after';",
      ].join('\n'),
    );
    assert.equal(ran.err, '');
    assert.match(ran.out, /1\tone\n2\ttwo\n3\tthree\n3\nafter/);
    const seen = gateway.sessions.at(-1)!;
    await until('closed', () => seen.closes.length > 0);
    assert.deepEqual(
      seen.requests.map(({ responses }) => responses[0]?.tag),
      ['CREATE TABLE', 'COPY 2', 'COPY 1', 'COPY 3', 'COPY 1', 'SELECT 1'],
    );
  });

  it('shows \\d, \\l, \\du unchanged', async () => {
    const ran = await psql([
      '-v',
      'ON_ERROR_STOP=1',
      '-c',
      '\\d',
      '-c',
      '\\dt',
      '-c',
      '\\du',
      '-c',
      '\\conninfo',
    ]);
    assert.equal(ran.err, '');
    assert.equal(ran.code, 0);
  });

  it('says why a login fails', async () => {
    const unknown = await psql(['-c', 'select 1'], '', 'nowhere');
    assert.match(unknown.err, /FATAL: {2}there is no PostgreSQL connection named "nowhere"/);
    assert.match(unknown.err, /POSTGRES_CONNECTION_UNKNOWN/);
    const locked = await psql(['-c', 'select 1'], '', 'locked');
    assert.match(locked.err, /locked out: test/);
    const refused = await psql(['-c', 'select 1'], '', 'refused');
    assert.match(refused.err, /locked out: at open/);
    const missing = await psql(['-c', 'select 1'], '', 'main/nodb');
    assert.match(missing.err, /refused the login: database "nodb" does not exist/);
  });
});

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
