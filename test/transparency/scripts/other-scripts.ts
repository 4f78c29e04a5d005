/** COPY, notifications, function calls, parameter reports, ends of sessions. */
import {
  bind,
  COPY_DONE,
  copyData,
  copyFail,
  execute,
  extended,
  functionCall,
  message,
  parse,
  query,
  SYNC,
  TERMINATE,
} from '../support/frontend.ts';
import type { Script } from '../support/script.ts';

const BEFORE =
  'drop schema if exists s cascade; create schema s authorization app; create table s.t (id int primary key, v text); alter table s.t owner to app';
const simple = (name: string, count: number, ...parts: readonly Buffer[]): Script => ({
  name,
  before: BEFORE,
  run({ session }) {
    session.send(...parts);
    return session.until('Z', count);
  },
});
/** COPY FROM STDIN: the command, then data once the target asks. */
const copyIn = (name: string, sql: string, ...data: readonly Buffer[]): Script => ({
  name,
  before: BEFORE,
  async run({ session }) {
    session.send(query(sql));
    const asked = await session.until('G');
    session.send(...data);
    const done = await session.until('Z');
    session.send(query('select count(*), max(v) from s.t'));
    return [...asked, ...done, ...(await session.until('Z'))];
  },
});
const rows = (from: number, to: number): Buffer =>
  copyData(
    Array.from({ length: to - from }, (_, index) => `${from + index}\tvalue ${from + index}\n`).join(''),
  );

/** PGCOPY header, one tuple (int4 7, text "seven"), trailer. */
const BINARY = Buffer.concat([
  Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
  Buffer.alloc(8),
  Buffer.from([0, 2, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 5]),
  Buffer.from('seven'),
  Buffer.from([0xff, 0xff]),
]);
const PG_ADVISORY_LOCK_SHARED = 2880;
const INT4_ADD = 177;

export const OTHER_SCRIPTS: readonly Script[] = [
  copyIn('copy in as text', 'copy s.t from stdin', rows(0, 10), rows(10, 20), COPY_DONE),
  copyIn(
    'copy in as csv with a header',
    'copy s.t from stdin (format csv, header)',
    copyData('id,v\n1,"a,b"\n2,\n'),
    COPY_DONE,
  ),
  copyIn('copy in as binary', 'copy s.t from stdin (format binary)', copyData(BINARY), COPY_DONE),
  copyIn(
    'copy in, torn over messages',
    'copy s.t from stdin',
    copyData('1\to'),
    copyData('ne\n2\t'),
    copyData('two\n'),
    COPY_DONE,
  ),
  copyIn('copy in of nothing', 'copy s.t from stdin', COPY_DONE),
  copyIn('copy in given up by the client', 'copy s.t from stdin', rows(0, 5), copyFail('changed my mind')),
  copyIn('copy in refused by the target', 'copy s.t from stdin', copyData('x\ty\n'), rows(0, 100), COPY_DONE),
  copyIn(
    'copy in with Sync and Flush inside',
    'copy s.t from stdin',
    rows(0, 5),
    SYNC,
    rows(5, 10),
    COPY_DONE,
  ),
  copyIn('copy in, then more commands in one string', 'copy s.t from stdin; select 5', rows(0, 3), COPY_DONE),
  copyIn(
    'copy in, large',
    'copy s.t from stdin',
    ...Array.from({ length: 200 }, (_, index) => rows(index * 500, index * 500 + 500)),
    COPY_DONE,
  ),
  {
    name: 'copy in over the extended protocol',
    before: BEFORE,
    async run({ session }) {
      session.send(parse('copy s.t from stdin'), bind(), execute(), message('H'));
      const asked = await session.until('G');
      session.send(rows(0, 5), COPY_DONE, SYNC);
      return [...asked, ...(await session.until('Z'))];
    },
  },
  simple(
    'copy out as text',
    1,
    query('copy (select n, repeat($$y$$, n) from generate_series(1, 100) n) to stdout'),
  ),
  simple(
    'copy out as csv',
    1,
    query('copy (select 1, null, $$a"b$$) to stdout (format csv, header, null $$-$$)'),
  ),
  simple(
    'copy out as binary',
    1,
    query('copy (select n, n::text from generate_series(1, 50) n) to stdout (format binary)'),
  ),
  simple('copy out of a table that is not there', 1, query('copy s.none to stdout')),
  simple(
    'copy out that fails on the way',
    1,
    query('copy (select 1 / (50 - n) from generate_series(1, 100) n) to stdout'),
  ),
  simple(
    'copy out, large',
    1,
    query('copy (select n, md5(n::text) from generate_series(1, 20000) n) to stdout'),
  ),
  simple('copy out over the extended protocol', 1, extended('copy (select 1) to stdout')),
  simple(
    'many statements in one string',
    1,
    query(
      'select 1; create table s.x (a int); insert into s.x values (1), (2); select * from s.x; drop table s.x',
    ),
  ),
  simple(
    'several queries without waiting',
    4,
    query('select 1'),
    query('select 2; select 3'),
    query(''),
    query('selct'),
  ),
  simple(
    'simple and extended mixed',
    4,
    query('select 1'),
    extended('select 2'),
    query('begin'),
    extended('rollback'),
  ),
  simple('a large row', 1, query("select repeat('z', 5000000)")),
  simple('many rows', 1, query('select n, md5(n::text) from generate_series(1, 30000) n')),
  simple(
    'a thousand columns',
    1,
    query(`select ${Array.from({ length: 1000 }, (_, index) => `${index} as c${index}`).join(', ')}`),
  ),
  simple('a row of nulls', 1, query(`select ${Array.from({ length: 100 }, () => 'null::int').join(', ')}`)),
  simple(
    'parameter reports',
    6,
    query("set application_name = 'one'"),
    query('set datestyle = german'),
    query("set timezone = 'Asia/Tokyo'"),
    query('begin; set local intervalstyle = iso_8601'),
    query('rollback'),
    query('reset all'),
  ),
  simple(
    'a report of search_path',
    3,
    query('set search_path = s'),
    query('begin; set local search_path = pg_catalog'),
    query('rollback'),
  ),
  simple(
    'function call',
    1,
    functionCall(INT4_ADD, [1], [Buffer.from([0, 0, 0, 40]), Buffer.from([0, 0, 0, 2])], 1),
  ),
  simple(
    'function call in text, void result',
    2,
    functionCall(PG_ADVISORY_LOCK_SHARED, [0], ['5'], 0),
    query('select pg_advisory_unlock_shared(5)'),
  ),
  simple('function call with a null', 1, functionCall(INT4_ADD, [0], ['1', null], 0)),
  simple('function call of what is not there', 2, functionCall(1, [], [], 0), query('select 1')),
  {
    name: 'notifications from oneself and another',
    async run({ session, open }) {
      session.send(query('listen news'));
      const answers = await session.until('Z');
      session.send(query("notify news, 'mine'"));
      answers.push(...(await session.until('Z')));
      const other = await open();
      other.send(query("notify news, 'theirs'; notify other, 'unheard'"));
      answers.push(...(await other.until('Z')), ...(await session.until('A')));
      session.send(query("begin; notify news; unlisten news; commit; select 'end'"));
      return [...answers, ...(await session.until('Z'))];
    },
  },
  {
    name: 'a lock that another holds, given up by its time-out',
    before: BEFORE,
    async run({ session, open }) {
      const other = await open();
      other.send(query('begin; lock table s.t'));
      await other.until('Z');
      session.send(query("set lock_timeout = '50ms'"), query('select * from s.t'));
      return session.until('Z', 2);
    },
  },
  {
    name: 'a statement that runs too long',
    async run({ session }) {
      session.send(query("set statement_timeout = '50ms'"), query('select pg_sleep(30)'), query('select 1'));
      return session.until('Z', 3);
    },
  },
  {
    name: 'Terminate',
    run({ session }) {
      session.send(query('select 1'), TERMINATE);
      return session.until('Z', 2);
    },
  },
  {
    name: 'an administrator ends the backend',
    async run({ session }) {
      session.send(query('select pg_terminate_backend(pg_backend_pid())'));
      return session.until('Z');
    },
  },
];
