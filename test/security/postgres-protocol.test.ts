/** Tricks with the protocol's messages. The target's state is the judge. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import {
  bind,
  execute,
  FLUSH,
  message,
  parse,
  query,
  SYNC,
} from '../../gateway/protocols/postgres/wire/messages.ts';
import {
  DENYING_POLICY,
  startAttacked,
  stateOf,
  VICTIMS,
  type AttackedInstallation,
  type Login,
} from './installation.ts';

let attacked: AttackedInstallation;
let thief: Login;
before(async () => {
  attacked = await startAttacked((config) => ({
    ...config,
    policy: { ...config.policy, rules: DENYING_POLICY },
    gateway: { ...config.gateway, breakGlassIdentities: ['countersign/stolen'] },
  }));
  thief = await attacked.login('stolen', 'service_account');
});
after(() => attacked?.stop());
beforeEach(async () => {
  await attacked.direct.query(VICTIMS);
  await attacked.direct.query('drop table if exists lure; create table lure (id int)');
});

const EVIL = 'drop table victim cascade';
const run = (sql: string): Buffer => Buffer.concat([parse('', sql), bind('', ''), execute('')]);
const close = (kind: 'S' | 'P', name: string): Buffer => message(0x43, Buffer.from(`${kind}${name}\0`));
const copyData = (text: string): Buffer => message(0x64, Buffer.from(text));
const SMUGGLED = "select 'a\\''; drop table victim cascade; --'";
/** FunctionCall of pg_ls_dir(text) with one argument in text. */
const functionCall = (oid: number, argument: string): Buffer => {
  const text = Buffer.from(argument);
  const body = Buffer.alloc(4 + 2 + 2 + 4);
  body.writeUInt32BE(oid, 0);
  body.writeInt16BE(0, 4);
  body.writeInt16BE(1, 6);
  body.writeInt32BE(text.length, 8);
  return message(0x46, Buffer.concat([body, text, Buffer.from([0, 0])]));
};

/** Each step is one write; the next follows when as many ReadyForQuery have come, or the session is over. */
interface Trick {
  readonly name: string;
  /** What is sent last does no harm once the target has taken the rest back. */
  readonly mayPass?: true;
  readonly steps: readonly (readonly [Buffer, number])[];
}
const TRICKS: readonly Trick[] = [
  {
    name: 'Parse and Bind of a named statement',
    steps: [
      [Buffer.concat([parse('n', EVIL), SYNC]), 1],
      [Buffer.concat([bind('', 'n'), execute(''), SYNC]), 2],
    ],
  },
  {
    name: 'everything in one pipeline',
    steps: [[Buffer.concat([run('select 1'), run(EVIL), run('select 2'), SYNC]), 1]],
  },
  {
    name: 'the unnamed statement replaced',
    steps: [[Buffer.concat([parse('', 'select 1'), parse('', EVIL), bind('', ''), execute(''), SYNC]), 1]],
  },
  {
    name: 'the unnamed statement replaced behind a Sync',
    steps: [
      [
        Buffer.concat([
          parse('', EVIL),
          SYNC,
          parse('', 'select 1'),
          SYNC,
          parse('', EVIL),
          SYNC,
          bind('', ''),
          execute(''),
          SYNC,
        ]),
        4,
      ],
    ],
  },
  {
    name: 'a name taken, then used',
    steps: [
      [
        Buffer.concat([
          parse('n', EVIL),
          SYNC,
          parse('n', 'select 1'),
          SYNC,
          bind('', 'n'),
          execute(''),
          SYNC,
        ]),
        3,
      ],
    ],
  },
  {
    name: 'a name closed in a pipeline that failed',
    steps: [
      [
        Buffer.concat([
          parse('n', EVIL),
          SYNC,
          parse('', 'selec'),
          close('S', 'n'),
          SYNC,
          parse('n', 'select 1'),
          SYNC,
          bind('', 'n'),
          execute(''),
          SYNC,
        ]),
        4,
      ],
    ],
  },
  {
    name: 'a name deallocated in SQL',
    steps: [
      [
        Buffer.concat([
          parse('n', 'select 1'),
          SYNC,
          query('deallocate n'),
          parse('n', EVIL),
          SYNC,
          bind('', 'n'),
          execute(''),
          SYNC,
        ]),
        4,
      ],
    ],
  },
  {
    name: 'a name prepared in SQL',
    steps: [[Buffer.concat([query('prepare n as delete from victim'), bind('', 'n'), execute(''), SYNC]), 2]],
  },
  {
    name: 'a statement parsed, then executed in SQL',
    steps: [[Buffer.concat([parse('n', 'delete from victim'), SYNC, query('execute n')]), 2]],
  },
  {
    name: 'Bind of a denied Parse in the same pipeline',
    steps: [
      [
        Buffer.concat([
          parse('n', 'set client_connection_check_interval = 0'),
          bind('', 'n'),
          execute(''),
          parse('', EVIL),
          bind('', ''),
          execute(''),
          SYNC,
        ]),
        1,
      ],
    ],
  },
  {
    name: 'a portal bound, closed and bound again',
    steps: [
      [
        Buffer.concat([
          query('begin'),
          parse('n', 'select 1'),
          bind('p', 'n'),
          close('P', 'p'),
          parse('m', EVIL),
          bind('p', 'm'),
          execute('p'),
          SYNC,
          query('commit'),
        ]),
        3,
      ],
    ],
  },
  {
    name: 'a portal over an error',
    steps: [
      [
        Buffer.concat([
          query('begin'),
          parse('n', EVIL),
          bind('p', 'n'),
          execute('p'),
          SYNC,
          bind('p', 'n'),
          execute('p'),
          SYNC,
          query('commit'),
        ]),
        4,
      ],
    ],
  },
  {
    name: 'an Execute of a cursor',
    steps: [
      [
        Buffer.concat([
          query('begin; declare c cursor for select secret from victim_secret'),
          execute('c'),
          SYNC,
          query('commit'),
        ]),
        3,
      ],
    ],
  },
  {
    name: 'strings changed and used in one write',
    steps: [[Buffer.concat([query('set standard_conforming_strings = off'), query(SMUGGLED)]), 2]],
  },
  {
    name: 'strings changed and used in one pipeline',
    steps: [
      [
        Buffer.concat([
          run('set standard_conforming_strings = off'),
          run("select 'a\\'', 'drop table victim cascade; --'"),
          SYNC,
          query(SMUGGLED),
        ]),
        2,
      ],
    ],
  },
  {
    name: 'strings changed by a prepared set_config',
    steps: [
      [
        Buffer.concat([
          parse('n', "select set_config('standard_conforming_strings', 'off', false)"),
          SYNC,
          bind('', 'n'),
          execute(''),
          SYNC,
          query(SMUGGLED),
        ]),
        3,
      ],
    ],
  },
  {
    name: 'strings changed by a bound value',
    steps: [[Buffer.concat([parse('n', "select set_config($1, 'off', false)"), SYNC, query(SMUGGLED)]), 2]],
  },
  {
    name: 'strings changed by a cursor that is fetched later',
    steps: [
      [
        query(
          "begin; declare c cursor with hold for select set_config('standard_conforming_strings', 'off', false); commit",
        ),
        1,
      ],
      [Buffer.concat([query('fetch c'), query(SMUGGLED)]), 3],
    ],
  },
  {
    name: 'strings changed by a default',
    steps: [
      [
        query("create temp table t (a text default set_config('standard_conforming_strings', 'off', false))"),
        1,
      ],
      [Buffer.concat([query('insert into t default values'), query(SMUGGLED)]), 3],
    ],
  },
  {
    name: 'strings changed by a view',
    steps: [
      [query("create view victim_view as select set_config('standard_conforming_strings', 'off', false)"), 1],
      [Buffer.concat([query('select * from victim_view'), query(SMUGGLED)]), 3],
    ],
  },
  {
    name: 'strings changed by a function',
    steps: [
      [
        query(
          "create or replace function lure_f() returns text language sql as $$ select set_config('standard_conforming_strings', 'off', false) $$",
        ),
        1,
      ],
      [Buffer.concat([query('select lure_f()'), query(SMUGGLED)]), 3],
    ],
  },
  {
    name: 'strings changed and taken back',
    mayPass: true,
    steps: [
      [
        Buffer.concat([
          query('begin; savepoint s; set local standard_conforming_strings = off'),
          query('rollback to s'),
          query(SMUGGLED),
          query('rollback'),
        ]),
        4,
      ],
    ],
  },
  {
    name: 'a path changed and used in one write',
    steps: [
      [
        Buffer.concat([
          query('set search_path = nowhere, public'),
          query('select secret from victim_secret'),
        ]),
        2,
      ],
    ],
  },
  { name: 'a function by its object id', steps: [[functionCall(2625, '.'), 1]] },
  { name: 'text behind a zero byte', steps: [[message(0x51, Buffer.from(`select 1\0${EVIL}\0`)), 1]] },
  {
    name: 'a Query in the middle of COPY',
    steps: [
      [query('copy lure from stdin'), 0],
      [Buffer.concat([query(EVIL)]), 1],
    ],
  },
  {
    name: 'a COPY that fails before its Sync',
    steps: [
      [Buffer.concat([parse('n', 'select 1'), SYNC, run('copy lure from stdin'), FLUSH]), 1],
      [Buffer.concat([copyData('x\n'), SYNC]), 2],
      [Buffer.concat([close('S', 'n'), parse('n', EVIL), SYNC]), 3],
      [Buffer.concat([bind('', 'n'), execute(''), SYNC]), 4],
    ],
  },
  {
    name: 'a message that says that it is shorter',
    steps: [[Buffer.concat([Buffer.from([0x51, 0, 0, 0, 4]), Buffer.from(`${EVIL}\0`)]), 1]],
  },
  {
    name: 'a password message after login',
    steps: [[Buffer.concat([message(0x70, Buffer.from('x\0')), query(EVIL)]), 1]],
  },
];

for (const { name, steps, mayPass } of TRICKS)
  test(`service account: ${name}`, async () => {
    const before = await stateOf(attacked.direct);
    const client = await attacked.raw(thief);
    for (const [bytes, ready] of steps) {
      const answered = client.messages.length;
      client.send(bytes);
      await client.ready(ready);
      // A COPY answers without ReadyForQuery.
      while (client.messages.length === answered && !client.closed)
        await new Promise((resolve) => setImmediate(resolve));
    }
    const text = client.messages.map(({ body }) => body.toString('latin1')).join();
    client.socket.destroy();
    assert.ok(mayPass || client.closed || client.errors().length > 0, 'nothing was refused');
    assert.equal(await stateOf(attacked.direct), before, 'the target changed');
    assert.doesNotMatch(text, /countersign-secret-cell|pg_wal/);
  });

test('startup messages open nothing that a statement may not', async () => {
  const refused = async (parameters: Record<string, string>): Promise<string> => {
    const client = await attacked.raw(thief, { parameters }).catch((error: Error) => error.message);
    if (typeof client === 'string') return client;
    client.send(
      query(
        'select current_user, current_setting($$session_replication_role$$), current_setting($$client_connection_check_interval$$)',
      ),
    );
    await client.ready(1);
    const row = client.messages.find(({ type }) => type === 'D')!.body.toString('latin1');
    client.socket.destroy();
    return row;
  };
  assert.match(await refused({ replication: 'database' }), /POSTGRES_REPLICATION_REFUSED|eplication/);
  assert.match(await refused({ database: 'root/template1' }), /POSTGRES_CONNECTION_UNKNOWN|connection/i);
  for (const options of [
    '-c role=victim_role',
    '--role=victim_role',
    '-c session_replication_role=replica',
    '-c client_connection_check_interval=0',
  ]) {
    const row = await refused({ options });
    assert.match(row, /postgres/);
    assert.match(row, /origin/);
    assert.match(row, /500ms/);
    assert.doesNotMatch(row, /victim_role|replica\b/);
  }
  assert.match(await refused({ client_encoding: 'SJIS' }), /ASCII/);
  assert.match(await refused({ options: '-c client_encoding=GBK' }), /ASCII/);
});

/** Parse with the type of one parameter, Bind with one value in text. */
const boundTo = (type: number, sql: string, value: string): Buffer => {
  const head = Buffer.alloc(6);
  head.writeInt16BE(1);
  head.writeUInt32BE(type, 2);
  const length = Buffer.alloc(4);
  length.writeInt32BE(Buffer.byteLength(value));
  return Buffer.concat([
    message(0x50, Buffer.concat([Buffer.from(`\0${sql}\0`), head])),
    message(
      0x42,
      Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1]), length, Buffer.from(value), Buffer.alloc(2)]),
    ),
    execute(''),
    SYNC,
  ]);
};

test('a parameter is a value of the type that Parse names by object id', async () => {
  const plant = `drop domain if exists victim_domain; create or replace function victim_w(text) returns int language sql as 'delete from public.victim; select 1'; create domain victim_domain as text check (public.victim_w(value) > 0)`;
  await attacked.direct.query(plant);
  const { rows } = await attacked.direct.query<{ oid: number }>(
    `select 'victim_domain'::regtype::oid::int as oid`,
  );
  const send = async (): Promise<string[]> => {
    const client = await attacked.raw(thief);
    // What passed the gateway is seen by the next command.
    client.send(query(`comment on table lure is 'x'`));
    await client.ready(1);
    client.send(boundTo(rows[0]!.oid, 'select $1', 'x'), boundTo(25, 'select $1', 'y'));
    await client.ready(3);
    client.socket.destroy();
    return client.messages.map(({ type }) => type).filter((type) => type !== 'N');
  };
  const before = await stateOf(attacked.direct);
  assert.deepEqual((await send()).join(''), 'CZ1EZ12DCZ', 'the first is refused, text is not');
  assert.equal(await stateOf(attacked.direct), before, 'the target changed');
  await attacked.direct.query('drop domain victim_domain; create domain victim_domain as text');
});

test('what a Parse runs by itself, the input of literals, is decided before it', async () => {
  await attacked.direct.query(
    `drop domain if exists victim_domain cascade; create or replace function victim_w(text) returns int language sql as 'delete from public.victim; select 1'; create domain victim_domain as text check (public.victim_w(value) > 0); create table if not exists lure_2 (v victim_domain[])`,
  );
  const before = await stateOf(attacked.direct);
  const client = await attacked.raw(thief);
  client.send(query(`comment on table lure is 'x'`));
  await client.ready(1);
  const texts = [
    `select '{x}'::victim_domain[]`,
    `insert into lure_2 values ('{x}')`,
    `select 1 from lure_2 where v = '{x}'`,
    `select '{x}'::victim_domain[], nothing_there(1)`,
  ];
  for (const [index, text] of texts.entries()) {
    client.send(parse('', text), SYNC);
    await client.ready(index + 2);
  }
  client.send(query(texts[3]!));
  await client.ready(texts.length + 2);
  assert.equal(await stateOf(attacked.direct), before, 'the target changed');
  assert.deepEqual(
    client.errors().map(({ sqlState }) => sqlState),
    ['42501', '42501', '42501', '42501', '42501'],
  );
  client.send(parse('', 'select 1'), bind('', ''), execute(''), SYNC);
  await client.ready(texts.length + 3);
  assert.equal(client.errors().length, 5, 'the session is usable');
  client.socket.destroy();
  await attacked.direct.query(
    'drop domain victim_domain cascade; drop table lure_2; create domain victim_domain as text',
  );
});
