/** Denied statements spelled in ways that PostgreSQL takes for the same: case, blanks, comments, quotes, escapes, wrappings. */
export interface Spelling {
  readonly steps: readonly string[];
  readonly extended: boolean;
}

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
  'drop role victim_member',
  'create policy victim_policy on @ using ( true )',
  'create rule victim_rule as on insert to @ do also delete from victim_child',
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
  const quoted = (sql: string): string => (pick(2) === 0 ? `$a$${sql}$a$` : `'${sql.replaceAll("'", "''")}'`);
  let number = 0;
  const wrap = (base: string, sql: string): readonly string[] => {
    number += 1;
    const dml = /^(delete|update|merge|with)/.test(base);
    const ways: (() => readonly string[])[] = [
      () => [sql],
      () => [`select 1;${sql}`],
      () => [`;;${sql};`],
      () => [`begin;${sql};commit`, 'rollback'],
      () => [`set search_path = ${one(PATHS)}`, sql],
      () => [`set search_path = ${one(PATHS)};${sql}`],
      () => [`select set_config('search_path', '${one(PATHS)}', false);${sql}`],
      ...(base.startsWith('do ')
        ? []
        : [
            () => [
              `create or replace function pg_temp.f${number}() returns void language sql as ${quoted(sql)}`,
              `select pg_temp.f${number}()`,
            ],
          ]),
      ...(dml
        ? [
            () => [`explain analyze ${sql}`],
            () => [`prepare p${number} as ${sql}`, `execute p${number}`],
            () => [`explain (analyze, verbose) ${sql}`],
            () => [
              `create or replace function pg_temp.g${number}() returns void begin atomic ${sql}; end`,
              `select pg_temp.g${number}()`,
            ],
          ]
        : []),
    ];
    return one(ways)();
  };
  return {
    next() {
      const base = one(DENIED);
      const steps = wrap(base, spell(base));
      return {
        steps,
        extended: pick(3) === 0 && steps.length === 1 && !steps[0]!.replace(/;\s*$/, '').includes(';'),
      };
    },
  };
}
