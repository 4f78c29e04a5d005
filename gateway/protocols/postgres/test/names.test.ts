/** What names that are not there, and functions named by their object id, come to where the catalogue knows. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { lacking } from '../../../../test/servers/available.ts';
import type { TestPostgres } from '../../../../test/servers/postgres.ts';
import { bind, execute, message, parse, query, SYNC } from '../wire/messages.ts';
import { startAnalysedGateway, type AnalysedGateway } from './analysed-gateway.ts';
import { libraryClient, TOKEN, USER, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import type { SeenRequest } from '../../test/test-sessions.ts';
import { rawLogin, type RawClient } from './raw-client.ts';

let analysed: AnalysedGateway;
let target: TestPostgres;
let gateway: TestGateway;
let direct: pg.Client;

const isOpaque = ({ input }: Pick<SeenRequest, 'input'>): boolean =>
  input.actions.some(({ action }) => action === 'opaque_code');

before(async () => {
  analysed = await startAnalysedGateway({ catalogue: 'on', catalogueAgeMsMax: 600_000 });
  ({ target, gateway } = analysed);
  gateway.decide = (input) => (isOpaque({ input }) ? 'deny' : 'allow');
  direct = new pg.Client({ ...target, database: 'postgres' });
  await direct.connect();
});
after(async () => {
  await direct?.end();
  await analysed?.stop();
});

const login = async (): Promise<{ client: RawClient; requests: SeenRequest[] }> => {
  const client = await rawLogin(gateway);
  return { client, requests: gateway.sessions.at(-1)!.requests };
};
const states = (client: RawClient): string[] => client.errors().map(({ sqlState }) => sqlState);
const types = (client: RawClient): string => client.messages.map(({ type }) => type).join('');

describe('a name that is not there, where opaque code is denied', () => {
  const statements = [
    ['select * from nowhere', '42P01'],
    ['select 1 from pg_class join nowhere on true', '42P01'],
    ['insert into nowhere values (1)', '42P01'],
    ['update nowhere set a = 1 where b = 2', '42P01'],
    ['delete from nowhere where a = 1', '42P01'],
    ['with x as (select * from nowhere) select 1', '42P01'],
    ['select nothing(1)', '42883'],
    ['select * from "no schema".nowhere', '42P01'],
  ] as const;
  for (const [sql, sqlState] of statements)
    it(`is what the target says of it: ${sql}`, async () => {
      const { client, requests } = await login();
      client.send(query(sql));
      await client.ready(1);
      const expected = await direct.query(sql).then(
        () => undefined,
        (error: pg.DatabaseError) => error,
      );
      const [error] = client.errors();
      assert.deepEqual([error!.sqlState, error!.message], [sqlState, expected!.message]);
      assert.equal(requests[0]!.outcome, 'deny', 'the event says what policy said');
      client.send(query('select 1'));
      await client.ready(2);
      assert.equal(types(client), 'EZTDCZ');
      client.socket.destroy();
    });

  it('fails the transaction as it does without the gateway', async () => {
    const { client } = await login();
    for (const sql of ['begin', 'select * from nowhere', 'select * from nowhere', 'rollback', 'select 1'])
      client.send(query(sql));
    await client.ready(5);
    assert.deepEqual(states(client), ['42P01', '25P02']);
    client.socket.destroy();
  });

  it('is said to node-postgres, simple and with parameters', async () => {
    const client = libraryClient(gateway);
    await client.connect();
    await assert.rejects(client.query('select * from nowhere'), { code: '42P01', position: '15' });
    await assert.rejects(client.query('select * from nowhere where a = $1', [1]), { code: '42P01' });
    await client.end();
  });

  it('stays denied in what is not looked up before it runs', async () => {
    const { client } = await login();
    const denied = ['select 1; select * from nowhere', 'truncate nowhere', 'copy nowhere to stdout'];
    for (const sql of denied) client.send(query(sql));
    await client.ready(3);
    assert.deepEqual(states(client), ['42501', '42501', '42501']);
    client.socket.destroy();
  });

  it('is denied, and nothing runs, where it comes into being after the decision', async () => {
    const { client } = await login();
    const decide = gateway.decide;
    client.send(parse('', 'select 7'), SYNC);
    await client.ready(1);
    gateway.decide = async () => {
      await direct.query(`create table appeared (a int); insert into appeared values (1)`);
      return 'deny' as const;
    };
    client.send(query('delete from appeared where a = 1 returning *'));
    await client.ready(2);
    gateway.decide = decide;
    assert.equal(types(client), '1ZEZ', 'the client sees nothing of the question');
    assert.deepEqual(states(client), ['42501']);
    assert.equal((await direct.query('select * from appeared')).rowCount, 1);
    // As after any query there is no unnamed statement: least of all the one that was asked.
    client.send(bind('', ''), execute(''), SYNC);
    await client.ready(3);
    assert.deepEqual(states(client), ['42501', '26000']);
    await direct.query('drop table appeared');
    client.socket.destroy();
  });

  it('keeps every answer with its message where the target skips', async () => {
    const { client } = await login();
    // Its Parse fails, so that the target takes no notice of the query before a Sync.
    const missing = query('select * from nowhere');
    client.send(parse('s', 'select * from'), query('select 2'), missing, SYNC, query('select 1'));
    await client.ready(2);
    assert.equal(types(client), 'EZTDCZ');
    assert.deepEqual(states(client), ['42601']);
    client.socket.destroy();
  });
});

describe('a function call by object id', () => {
  /** No argument formats, the arguments as text, the result as text. */
  const call = (oid: number, ...args: string[]): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(oid);
    head.writeInt16BE(args.length, 6);
    const values = args.map((text) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(Buffer.byteLength(text));
      return Buffer.concat([length, Buffer.from(text)]);
    });
    return message(0x46, Buffer.concat([head, ...values, Buffer.alloc(2)]));
  };
  const oidOf = async (signature: string): Promise<number> =>
    Number((await direct.query(`select '${signature}'::regprocedure::oid`)).rows[0].oid);

  it('is decided as a call of that function', async () => {
    await direct.query(`create table kept (a int); insert into kept values (1);
      create function wipe() returns int language sql as 'delete from kept; select 1';
      create function hidden(text) returns int language plpgsql as 'begin execute $1; return 1; end'`);
    const { client, requests } = await login();
    const calls: [string, string[], string][] = [
      ['pg_backend_pid()', [], ''],
      ['abs(integer)', ['-1'], ''],
      ['lo_creat(integer)', ['131072'], 'write large_object'],
      ['pg_read_file(text)', ['PG_VERSION'], 'read file'],
      ['wipe()', [], 'delete table,execute function'],
      ['hidden(text)', ['delete from kept'], 'execute function,opaque_code function'],
    ];
    gateway.decide = (input) =>
      input.actions.some(({ action, objectKind }) => /^(delete|opaque)/.test(action) || objectKind === 'file')
        ? 'deny'
        : 'allow';
    for (const [index, [signature, args, expected]] of calls.entries()) {
      client.send(call(await oidOf(signature), ...args));
      await client.ready(index + 1);
      const { input, outcome } = requests.at(-1)!;
      const actions = input.actions.map((one) => `${one.action} ${one.objectKind}`).toSorted();
      assert.deepEqual(
        [input.verb, actions.join(), outcome],
        ['function_call', expected, /file|delete|opaque/.test(expected) ? 'deny' : 'allow'],
        signature,
      );
      assert.match(input.text, /^select "\w+"\."\w+"\(.*object id \d+/);
    }
    assert.equal(types(client), 'VZVZVZEZEZEZ');
    assert.equal((await direct.query('select * from kept')).rowCount, 1);
    client.socket.destroy();
  });

  it('is opaque where nobody has that id, and seen anew where the function changed', async () => {
    gateway.decide = (input) => (isOpaque({ input }) ? 'deny' : 'allow');
    const { client, requests } = await login();
    client.send(call(4_000_000_000));
    await client.ready(1);
    assert.deepEqual([states(client), requests[0]!.outcome], [['42501'], 'deny']);
    client.send(query(`create function turns() returns int language sql as 'select 1'`));
    await client.ready(2);
    const oid = await oidOf('turns()');
    client.send(call(oid));
    await client.ready(3);
    assert.equal(requests.at(-1)!.outcome, 'allow');
    client.send(
      query(
        `create or replace function turns() returns int language plpgsql as $$ begin execute 'sel' || 'ect 1'; return 1; end $$`,
      ),
    );
    await client.ready(4);
    client.send(call(oid));
    await client.ready(5);
    assert.equal(requests.at(-1)!.outcome, 'deny');
    client.socket.destroy();
  });

  it('waits in its place', async () => {
    const { client } = await login();
    client.send(call(await oidOf('pg_backend_pid()')), query('select 1'));
    await client.ready(2);
    assert.equal(types(client), 'VZTDCZ');
    await until('both are told', () => gateway.sessions.at(-1)!.requests.length === 2);
    client.socket.destroy();
  });
});

describe('a schema that another session changes', () => {
  it('behind a prepared statement: it is decided anew', async () => {
    gateway.decide = (input) =>
      input.actions.some(({ object }) => object === 'public.secrets') ? 'deny' : 'allow';
    await direct.query('create table secrets (s text); create table plain (s text)');
    const config = { host: gateway.host, port: gateway.port, user: USER, password: TOKEN, database: 'main' };
    const [one, other] = [new pg.Client(config), new pg.Client(config)];
    await Promise.all([one.connect(), other.connect()]);
    await other.query('create view shown as select s from plain');
    const asked = { name: 'asked', text: 'select s from shown where s = $1', values: ['x'] };
    assert.equal((await one.query(asked)).rowCount, 0);
    gateway.decide = () => 'allow';
    await other.query('create or replace view shown as select s from secrets');
    gateway.decide = (input) =>
      input.actions.some(({ object }) => object === 'public.secrets') ? 'deny' : 'allow';
    await assert.rejects(one.query(asked), { code: '42501' });
    await Promise.all([one.end(), other.end()]);
  });
});

describe('large objects, which libpq handles by function calls', { skip: lacking('psql') }, () => {
  it('go in and out where opaque code is denied', async () => {
    gateway.decide = (input) => (isOpaque({ input }) ? 'deny' : 'allow');
    const folder = mkdtempSync(join(tmpdir(), 'countersign-large-objects-'));
    const [from, to] = [join(folder, 'from'), join(folder, 'to')];
    writeFileSync(from, 'what is large\n'.repeat(10_000));
    const ran = await new Promise<string>((resolve) => {
      const words = ['-X', '-At', '-v', 'ON_ERROR_STOP=1', '-c', `\\lo_import '${from}'`, '-c'];
      const out = `\\lo_export :LASTOID '${to}'`;
      const at = `host=${gateway.host} port=${gateway.port} user=${USER} dbname=main`;
      execFile(
        'psql',
        [...words, out, at],
        { env: { ...process.env, PGPASSWORD: TOKEN } },
        (_, stdout, stderr) => resolve(stdout + stderr),
      );
    });
    assert.match(ran, /^lo_import \d+\nlo_export\n$/);
    assert.ok(readFileSync(to).equals(readFileSync(from)));
    rmSync(folder, { recursive: true });
    const calls = gateway.sessions.at(-1)!.requests.filter(({ input }) => input.verb === 'function_call');
    assert.ok(
      calls.some(({ input }) => input.text.includes('"lowrite"')),
      'it went by function calls',
    );
    assert.ok(calls.every(({ outcome }) => outcome === 'allow'));
  });
});
