import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { bind, execute, FLUSH, message, parse, query, SYNC } from '../wire/messages.ts';
import { rawLogin, type RawClient } from './raw-client.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import type { SeenSession } from '../../test/test-sessions.ts';

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
  // What is only parsed does nothing: policy lets it.
  gateway.decide = ({ verb, text }) => (verb !== 'parse' && /drop/i.test(text) ? 'deny' : 'allow');
});

async function open(): Promise<{ client: RawClient; seen: SeenSession }> {
  const client = await rawLogin(gateway);
  return { client, seen: gateway.sessions.at(-1)! };
}

const run = (sql: string): Buffer => Buffer.concat([parse('', sql), bind('', ''), execute('')]);
const close = (kind: 'S' | 'P', name: string): Buffer => message(0x43, Buffer.from(`${kind}${name}\0`));
const copyData = (text: string): Buffer => message(0x64, Buffer.from(text));
const COPY_DONE = message(0x63, Buffer.alloc(0));
const copyFail = message(0x66, Buffer.from('stop\0'));
const texts = (seen: SeenSession): string[] => seen.requests.map(({ input }) => input.text);
const statuses = (seen: SeenSession): string[] =>
  seen.requests.map(({ outcome, responses }) =>
    outcome === 'deny' ? 'denied' : responses.map(({ status }) => status).join('+'),
  );

describe('a pipeline', () => {
  it('of many statements before one Sync is one transaction and many requests', async () => {
    const { client, seen } = await open();
    client.send(...Array.from({ length: 200 }, (_, index) => run(`select ${index}`)), SYNC);
    assert.equal(await client.ready(1), `${'12DC'.repeat(200)}Z`);
    assert.equal(seen.requests.length, 200);
    assert.deepEqual(new Set(statuses(seen)), new Set(['ok']));
    client.socket.destroy();
  });

  it('fails as a whole where a statement in it is denied', async () => {
    const { client, seen } = await open();
    client.send(query('create table piped (i int)'));
    await client.ready(1);
    client.send(
      run('insert into piped values (1)'),
      run('drop table piped'),
      run('insert into piped values (2)'),
      SYNC,
      run('select count(*) from piped'),
      SYNC,
    );
    const types = await client.ready(3);
    // The Parse of the denied statement is allowed; its Bind fails in the target.
    assert.equal(types, 'CZ12C1EZ12DCZ');
    assert.equal(client.errors()[0]!.sqlState, '42501');
    assert.equal(client.messages.at(-3)!.body.toString('latin1').slice(-1), '0');
    assert.deepEqual(texts(seen).slice(1), [
      'insert into piped values (1)',
      'drop table piped',
      'select count(*) from piped',
    ]);
    assert.deepEqual(statuses(seen), ['ok', 'ok', 'denied', 'ok']);
    client.socket.destroy();
  });

  it('reports what the target skipped after an error of its own', async () => {
    const { client, seen } = await open();
    client.send(run('select 1/(0*random())::int'), run('select 2'), SYNC, run('select 3'), SYNC);
    assert.equal(await client.ready(2), '12EZ12DCZ');
    assert.deepEqual(statuses(seen), ['error', 'cancelled', 'ok']);
    // Constants are folded while Bind plans.
    client.send(run('select 1/0'), run('select 2'), SYNC);
    assert.equal(await client.ready(3), '12EZ12DCZ1EZ');
    assert.deepEqual(statuses(seen), ['error', 'cancelled', 'ok', 'error', 'cancelled']);
    client.socket.destroy();
  });

  it('reports a portal that was bound and never executed', async () => {
    const { client, seen } = await open();
    client.send(parse('', 'select 1'), bind('', ''), SYNC);
    await client.ready(1);
    assert.deepEqual(statuses(seen), ['cancelled']);
    client.socket.destroy();
  });

  it('counts each Execute of a portal with a row limit', async () => {
    const { client, seen } = await open();
    const some = (rows: number): Buffer => {
      const body = Buffer.alloc(5);
      body.writeInt32BE(rows, 1);
      return message(0x45, body);
    };
    client.send(parse('', 'select generate_series(1, 5)'), bind('', ''), some(2), some(2), some(0), SYNC);
    assert.equal(await client.ready(1), '12DDsDDsDCZ');
    assert.deepEqual(
      seen.requests.map(({ responses }) => [responses[0]!.rows, responses[0]!.tag]),
      [
        [2, null],
        [2, null],
        [1, 'SELECT 1'],
      ],
    );
    client.socket.destroy();
  });

  it('waits behind a change of search_path, also without a Sync between', async () => {
    const { client, seen } = await open();
    client.send(run('set search_path = elsewhere'), run('show search_path'), FLUSH);
    await until('answered', () => client.messages.filter(({ type }) => type === 'C').length === 2);
    assert.equal(client.messages.map(({ type }) => type).join(''), '12C12DC');
    client.send(SYNC);
    await client.ready(1);
    assert.equal(seen.requests.length, 2);
    client.send(query('select 1'));
    await client.ready(2);
    client.socket.destroy();
  });

  it('holds in the middle, and answers in order', async () => {
    let release: ((value: 'allow' | 'deny') => void) | undefined;
    gateway.decide = (input) =>
      input.text.includes('held')
        ? new Promise((resolve) => {
            release = resolve;
          })
        : 'allow';
    const { client, seen } = await open();
    client.send(run('select 1'), run("select 'held'"), run('select 3'), SYNC);
    await until('it is held', () => release !== undefined);
    assert.equal(seen.requests.length, 2);
    release!('allow');
    assert.equal(await client.ready(1), '12DC12DC12DCZ');
    client.socket.destroy();
  });
});

describe('names of statements', () => {
  const denied = (name: string, send: (client: RawClient) => void, readies: number): void => {
    it(name, async () => {
      const setup = await open();
      setup.client.send(query('create table if not exists kept (i int)'));
      await setup.client.ready(1);
      setup.client.socket.destroy();
      const { client } = await open();
      send(client);
      await client.ready(readies);
      client.socket.destroy();
      const check = await open();
      check.client.send(query("select to_regclass('kept')::text"));
      await check.client.ready(1);
      assert.match(check.client.messages.find(({ type }) => type === 'D')!.body.toString(), /kept/);
      check.client.socket.destroy();
    });
  };
  const DROP = 'drop table kept';

  it('are trusted once the target has confirmed them', async () => {
    const { client, seen } = await open();
    client.send(
      parse('s', 'select 1'),
      SYNC,
      bind('', 's'),
      execute(''),
      SYNC,
      bind('', 's'),
      execute(''),
      SYNC,
    );
    assert.equal(await client.ready(3), '1Z2DCZ2DCZ');
    assert.deepEqual(
      seen.requests.map(({ input }) => `${input.verb} ${input.text}`),
      ['parse select 1', 'execute select 1', 'execute select 1'],
    );
    client.socket.destroy();
  });

  denied(
    'a second Parse of a name that fails does not hide the first',
    (client) =>
      client.send(parse('s', DROP), SYNC, parse('s', 'select 1'), SYNC, bind('', 's'), execute(''), SYNC),
    3,
  );
  denied(
    'a Parse that is skipped does not hide the one before (named)',
    (client) =>
      client.send(
        parse('s', DROP),
        SYNC,
        bind('', 'missing'),
        close('S', 's'),
        parse('s', 'select 1'),
        SYNC,
        bind('', 's'),
        execute(''),
        SYNC,
      ),
    3,
  );
  denied(
    'a Parse that is skipped does not hide the one before (unnamed)',
    (client) =>
      client.send(
        parse('', DROP),
        SYNC,
        parse('bad', 'no statement'),
        parse('', 'select 1'),
        SYNC,
        bind('', ''),
        execute(''),
        SYNC,
      ),
    3,
  );
  denied(
    'a Close that is skipped does not make the name unknown',
    (client) =>
      client.send(
        parse('s', DROP),
        SYNC,
        parse('bad', 'no statement'),
        close('S', 's'),
        SYNC,
        bind('', 's'),
        execute(''),
        SYNC,
      ),
    3,
  );
});

describe('COPY', () => {
  it('in the extended protocol swallows the Sync behind Execute', async () => {
    const { client, seen } = await open();
    client.send(query('create table copied (i int)'));
    await client.ready(1);
    client.send(run('copy copied from stdin'), SYNC);
    await until('it asks for data', () => client.messages.some(({ type }) => type === 'G'));
    client.send(copyData('1\n2\n'), copyData('3\n'), COPY_DONE, SYNC);
    assert.equal(await client.ready(2), 'CZ12GCZ');
    client.send(query('select count(*) from copied'));
    await client.ready(3);
    assert.deepEqual(
      seen.requests.map(({ responses }) => responses[0]!.tag),
      ['CREATE TABLE', 'COPY 3', 'SELECT 1'],
    );
    client.socket.destroy();
  });

  it('sent blind (data behind Execute at once) works, too', async () => {
    const { client, seen } = await open();
    client.send(query('create table blind (i int)'));
    await client.ready(1);
    client.send(run('copy blind from stdin'), copyData('1\n'), COPY_DONE, SYNC, run('select 7'), SYNC);
    assert.equal(await client.ready(3), 'CZ12GCZ12DCZ');
    assert.deepEqual(statuses(seen), ['ok', 'ok', 'ok']);
    client.socket.destroy();
  });

  it('that the client gives up, or that fails in the target, leaves the session usable', async () => {
    const { client, seen } = await open();
    client.send(query('create table given_up (i int)'));
    await client.ready(1);
    client.send(query('copy given_up from stdin'), copyData('1\n'), copyFail);
    await client.ready(2);
    client.send(query('copy given_up from stdin'), copyData('not a number\n'), copyData('2\n'), COPY_DONE);
    await client.ready(3);
    client.send(query('select 1'));
    await client.ready(4);
    assert.deepEqual(statuses(seen), ['ok', 'cancelled', 'error', 'ok']);
    assert.deepEqual(
      client.errors().map(({ sqlState }) => sqlState),
      ['57014', '22P02'],
    );
    client.socket.destroy();
  });

  it('that fails before a Sync is read does not make names stand for other statements', async () => {
    const { client } = await open();
    client.send(query('create table tricked (i int); insert into tricked values (1)'));
    await client.ready(1);
    client.send(parse('n', 'select 1'), SYNC);
    await client.ready(2);
    client.send(run('copy tricked from stdin'), FLUSH);
    await until('it asks for data', () => client.messages.some(({ type }) => type === 'G'));
    // The target fails at the data and then reads the Sync; to a gateway it looks like one that COPY swallows.
    client.send(copyData('not a number\n'), SYNC);
    await client.ready(3);
    client.send(close('S', 'n'), parse('n', 'drop table tricked'), SYNC);
    await client.ready(4);
    client.send(bind('', 'n'), execute(''), SYNC);
    await client.ready(5);
    client.send(query('select count(*) from tricked'));
    await client.ready(6);
    assert.deepEqual(
      client.errors().map(({ sqlState }) => sqlState),
      ['22P02', '42501'],
    );
    client.socket.destroy();
  });

  it('in a query string that fails before a Sync is read leaves every answer with its own message', async () => {
    const { client, seen } = await open();
    client.send(query('create table misled (i int)'));
    await client.ready(1);
    client.send(query('copy misled from stdin'));
    await until('it asks for data', () => client.messages.some(({ type }) => type === 'G'));
    client.send(copyData('not a number\n'), SYNC, query('select 1'), query('selec 2'), query('select 3'));
    await client.ready(6);
    assert.deepEqual(statuses(seen), ['ok', 'error', 'ok', 'error', 'ok']);
    client.socket.destroy();
  });

  it('while settings are in doubt does not wait for itself', async () => {
    const { client } = await open();
    client.send(query('create table doubtful (i int)'));
    await client.ready(1);
    client.send(query('begin'), query('set local search_path = public'), query('copy doubtful from stdin'));
    await until('it asks for data', () => client.messages.some(({ type }) => type === 'G'));
    client.send(copyData('1\n'), COPY_DONE);
    await client.ready(4);
    client.send(query('commit'), query('select count(*) from doubtful'));
    await client.ready(6);
    assert.deepEqual(client.errors(), []);
    client.socket.destroy();
  });
});

describe('protocol versions and function calls', () => {
  it('3.2 gets a key of 32 bytes, 3.9 and unknown options are negotiated', async () => {
    const two = await rawLogin(gateway, { version: 0x30002 });
    assert.equal(two.backendKey.key.length, 32);
    const nine = await rawLogin(gateway, { version: 0x30009, parameters: { '_pq_.unheard': '1' } });
    assert.equal(nine.negotiated, 0x30002);
    const zero = await rawLogin(gateway);
    assert.equal(zero.backendKey.key.length, 4);
    for (const client of [two, nine, zero]) client.socket.destroy();
  });

  it('a function call is opaque code, gated, and answered or denied in place', async () => {
    const { client, seen } = await open();
    // pg_backend_pid() has object id 2026: no argument formats, no arguments, result as text.
    const call = message(0x46, Buffer.from([0, 0, 0x07, 0xea, 0, 0, 0, 0, 0, 0]));
    client.send(call);
    assert.equal(await client.ready(1), 'VZ');
    gateway.decide = () => 'deny';
    client.send(call);
    assert.equal(await client.ready(2), 'VZEZ');
    assert.equal(client.errors()[0]!.sqlState, '42501');
    assert.deepEqual(
      seen.requests.map(({ input }) => [input.verb, input.actions[0]!.action]),
      [
        ['function_call', 'opaque_code'],
        ['function_call', 'opaque_code'],
      ],
    );
    client.socket.destroy();
  });
});

describe('a statement that is only parsed', () => {
  const describe_ = (name: string): Buffer => message(0x44, Buffer.from(`S${name}\0`));

  it('is a request of its own, which does nothing; one that is bound is none besides', async () => {
    const { client, seen } = await open();
    client.send(parse('looked', 'select 1 as looked_at'), describe_('looked'), SYNC);
    assert.equal(await client.ready(1), '1tTZ');
    await until('its answer is told', () => seen.requests[0]?.responses.length === 1);
    const [{ input }] = seen.requests as [(typeof seen.requests)[0]];
    assert.deepEqual(
      [input.verb, input.text, input.actions, input.risk],
      ['parse', 'select 1 as looked_at', [], 'none'],
    );
    client.send(bind('', 'looked'), execute(''), SYNC);
    await client.ready(2);
    client.send(run('select 2'), SYNC);
    await client.ready(3);
    assert.deepEqual(
      seen.requests.map((one) => one.input.verb),
      ['parse', 'execute', 'execute'],
    );
    assert.deepEqual(statuses(seen), ['ok', 'ok', 'ok']);
    client.socket.destroy();
  });

  it('is told with its failure, before a Flush, and when the client goes', async () => {
    const { client, seen } = await open();
    client.send(parse('a', 'select from nowhere_at_all'), SYNC);
    await client.ready(1);
    client.send(parse('b', 'select 2'), describe_('b'), FLUSH);
    await until('it is answered', () => seen.requests[1]?.responses.length === 1);
    client.send(parse('c', 'select 3'), message(0x58, Buffer.alloc(0)));
    await until('the session is closed', () => seen.closes.length === 1);
    assert.deepEqual(texts(seen), ['select from nowhere_at_all', 'select 2', 'select 3']);
    assert.deepEqual(statuses(seen).slice(0, 2), ['error', 'ok']);
    assert.equal(seen.requests[2]!.responses.length, 1);
  });

  it('can be denied like any other, and the pipeline ends as for an error', async () => {
    const { client, seen } = await open();
    gateway.decide = ({ verb }) => (verb === 'parse' ? 'deny' : 'allow');
    client.send(parse('a', 'select 1'), describe_('a'), SYNC);
    assert.equal(await client.ready(1), '1tTEZ');
    client.send(run('select 2'), SYNC);
    assert.equal(await client.ready(2), '1tTEZ12DCZ');
    assert.deepEqual(statuses(seen), ['denied', 'ok']);
    client.socket.destroy();
  });
});
