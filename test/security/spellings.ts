/** Denied statements spelled in ways that PostgreSQL takes for the same: case, blanks, comments, quotes, escapes, wrappings. */
export interface Spelling {
  readonly base: string;
  readonly way: string;
  readonly steps: readonly string[];
  readonly extended: boolean;
}

/** What the spellings use besides the victims: put into the target once. */
export const LURES = `
  create function victim_w(int) returns int language sql as 'delete from victim; select 1';
  create function victim_dynamic(t text) returns int language plpgsql as $$ begin execute 'delete from ' || t; return 1; end $$;
  create function victim_lies() returns text language plpgsql immutable as $$ declare s text; begin select secret into s from victim_secret; return s; end $$;
  create procedure victim_p(n int) language plpgsql as $$ begin delete from victim; end $$;
  create view victim_view as select id, secret from victim_secret;
  create view victim_v as select w.* from victim_view w;
  create table victim_t (a int, b int default victim_w(1));
  create function victim_tf() returns trigger language plpgsql as $$ begin delete from victim; return new; end $$;
  create table victim_x (a int);
  create trigger t before insert on victim_x for each row execute function victim_tf();
  create function victim_o(int, int) returns boolean language sql as 'delete from victim; select true';
  create operator === (function = victim_o, leftarg = int, rightarg = int);
  create domain victim_domain as int check (victim_w(value) > 0);
  create function lower(int) returns text language sql as 'delete from victim; select null::text';
`;

/** `@` stands for the table, blanks for anything that separates words. */
const DENIED: readonly string[] = [
  'drop table @ cascade',
  'drop table if exists @ cascade',
  'truncate @ cascade',
  'truncate table @ restart identity cascade',
  'delete from @',
  'delete from only @ where true',
  'delete from @ where 1 = 1',
  'update @ set amount = 0',
  'update only @ set amount = amount + 1',
  'with gone as ( delete from @ returning id ) select count ( * ) from gone',
  'merge into @ v using ( values ( 1 ) ) s on true when matched then delete',
  'alter table @ drop column word',
  'alter table @ owner to victim_role',
  'alter table @ disable row level security',
  'grant all on @ to victim_role',
  'grant select , delete on table @ to public',
  'alter role victim_role superuser',
  "alter role victim_role with password 'x'",
  'create role victim_new superuser',
  'do $$ begin drop table victim cascade ; end $$',
  "do $$ begin execute 'drop table ' || 'victim cascade' ; end $$",
  'drop role victim_member',
  'create policy victim_policy on @ using ( true )',
  'create rule victim_rule as on insert to @ do also delete from victim_child',
  'select secret from victim_secret',
  'select rolpassword from pg_authid',
  "select passwd from pg_catalog . pg_shadow where passwd like 'SCRAM%'",
  "select query_to_xml ( 'select secret from victim_secret' , true , false , '' )",
  'select secret from victim_view where id = 1',
  'select v . secret from victim_v as v limit 5',
  'select victim_w ( 1 )',
  "select victim_dynamic ( 'victim' )",
  'select victim_lies ( )',
  'select 1 from ( values ( 2 ) ) as t ( n ) where victim_w ( n ) > 0',
  'call victim_p ( 0 )',
  'insert into victim_t ( a ) values ( 1 )',
  'insert into victim_x select 1',
  'select 1 === 2',
  'select 1 operator ( public . === ) 2',
  'select 1 :: victim_domain',
  'select cast ( 1 as victim_domain )',
  'select lower ( 5 )',
];
const TABLES = [
  'victim',
  '"victim"',
  'public.victim',
  'public . "victim"',
  'shop.public.victim',
  'U&"v\\0069ctim"',
  'U&"\\+000076ictim"',
  'VICTIM',
  '"public"."victim"',
];
const BLANKS = [
  ' ',
  '\n',
  '\t',
  '  ',
  '/**/',
  '/* a /* b */ c */',
  ' -- no\n',
  '\r\n',
  '\f',
  "/* ' */",
  '/* $$ */',
];
const PATHS = [
  '"$user", public',
  'pg_temp, public',
  'public, pg_catalog',
  'nowhere, public',
  'pg_catalog, public',
  'public, pg_temp',
];

export function createSpeller(pick: (max: number) => number): { next(): Spelling } {
  const one = <T>(list: readonly T[]): T => list[pick(list.length)]!;
  const respell = (word: string): string =>
    /^[a-z]+$/.test(word)
      ? word.replaceAll(/[a-z]/g, (letter) => (pick(2) === 0 ? letter : letter.toUpperCase()))
      : word;
  const spell = (statement: string): string => {
    const words = statement.split(' ').map((word) => (word === '@' ? one(TABLES) : respell(word)));
    return words.reduce((text, word) => text + one(BLANKS) + word);
  };
  const quoted2 = (sql: string): string => `$b$${sql}$b$`;
  const quoted = (sql: string): string => (pick(2) === 0 ? `$a$${sql}$a$` : `'${sql.replaceAll("'", "''")}'`);
  let number = 0;
  const wrap = (base: string, sql: string): { way: string; steps: readonly string[] } => {
    number += 1;
    const n = number;
    const query = /^(select|with)/.test(base);
    const dml = query || /^(delete|update|merge|insert)/.test(base);
    const body = !base.startsWith('do ') && !base.startsWith('call');
    const ways: Record<string, () => readonly string[]> = {
      plain: () => [sql],
      second: () => [`select 1;${sql}`],
      empty: () => [`;;${sql};`],
      transaction: () => [`begin;${sql};commit`, 'rollback'],
      path: () => [`set search_path = ${one(PATHS)}`, sql],
      'path in the string': () => [`set search_path = ${one(PATHS)};${sql}`],
      'path by a function': () => [`select set_config('search_path', '${one(PATHS)}', false);${sql}`],
      'path of a subtransaction': () => [
        `begin;savepoint s;set local search_path = ${one(PATHS)};rollback to s;${sql};commit`,
        'rollback',
      ],
      ...(body && {
        function: () => [
          `create or replace function pg_temp.f${n}() returns void language sql as ${quoted(sql)}`,
          `select pg_temp.f${n}()`,
        ],
        'procedural function': () => [
          `create or replace function pg_temp.h${n}() returns void language plpgsql as ${quoted(`begin execute ${quoted2(sql)}; end`)}`,
          `select pg_temp.h${n}()`,
        ],
      }),
      ...(dml && {
        explain: () => [`explain analyze ${sql}`],
        'explain, verbose': () => [`explain (analyze, verbose) ${sql}`],
        prepare: () => [`prepare p${n} as ${sql}`, `execute p${n}`],
        atomic: () => [
          `create or replace function pg_temp.g${n}() returns void begin atomic ${sql}; end`,
          `select pg_temp.g${n}()`,
        ],
      }),
      ...(query && {
        cursor: () => [`begin;declare c${n} cursor for ${sql};fetch all c${n};commit`, 'rollback'],
        'create table as': () => [`create temp table k${n} as ${sql}`, `table k${n}`],
        ...(!base.startsWith('with') && {
          'sub-query': () => [`select * from (${sql}\n) sub`],
          cte: () => [`with c as materialized (${sql}\n) select * from c`],
          union: () => [`(${sql}\n) union all (${sql}\n)`],
          array: () => [`select array(${sql}\n)`],
        }),
      }),
    };
    const way = one(Object.keys(ways));
    return { way, steps: ways[way]!() };
  };
  return {
    next() {
      const base = one(DENIED);
      const { way, steps } = wrap(base, spell(base));
      return {
        base,
        way,
        steps,
        extended: pick(3) === 0 && steps.length === 1 && !steps[0]!.replace(/;\s*$/, '').includes(';'),
      };
    },
  };
}
