/** Mutations of allowed and denied statements by a small grammar: what is read, how it is named, how it is spelled, what it stands in. */

export interface PolicyMutation {
  readonly steps: readonly string[];
  readonly extended: boolean;
}

/** `$` is what is read of `@`. */
const READS = [
  'select $ from @',
  'select $ from @ where id = 1',
  'select $ from @ order by id limit 2',
  'select max ( $ ) from @',
  'select $ from @ group by $',
  'select $ from only @',
  'select coalesce ( $ , null ) from @',
  "select $ || '' from @",
  'select ( select $ from @ limit 1 )',
  'select array ( select $ from @ )',
  'select t . * from ( select $ from @ ) t',
  'with t as ( select $ from @ ) select * from t',
  'select x . * from ( values ( 1 ) ) v , lateral ( select $ from @ ) x',
  'select $ from @ union all select null',
  'select distinct $ from @',
  'select $ from @ for share',
  'select string_agg ( $ , null ) from @',
] as const;
/** Whole statements. */
const WHOLE = [
  'table @',
  'select * from @',
  'select s from @ s',
  'select s . * from @ s',
  'select to_jsonb ( s ) from @ s',
  'select s :: text from @ s',
  'select c from @ as s ( a , b , c , d )',
  'select json_agg ( s ) from @ s',
  'update public . victim_orders set amount = 0',
  'update public . victim_orders set amount = 0 where true',
  "update public . victim_orders set amount = 1 where id = 1 and word = 'word-1'",
  'delete from public . victim_orders where 1 = 1',
  'select id , word from public . victim_orders where id = 3',
  'select secret from hr . victim_secrets',
  'select public . victim_salary ( 1 )',
  'select * from public . victim_staff_view',
  'truncate public . victim_orders',
  'select public . victim_clean ( )',
] as const;
const ALLOWED_COLUMNS = ['name', 'id :: text', '"name"', 'upper ( name )'];
const DENIED_COLUMNS = ['salary', 'iban', '"salary"', 'U&"sal\\0061ry"', 'upper ( iban )', 'name || salary'];
const TABLES = [
  'hr.victim_staff',
  '"hr"."victim_staff"',
  'hr . victim_staff',
  'shop.hr.victim_staff',
  'HR.VICTIM_STAFF',
  'hr.U&"victim\\005Fstaff"',
];
const BLANKS = [' ', '\n', '\t', '  ', '/**/', ' /* a /* b */ c */ ', ' -- no\n', "/* ' */"];

export function createPolicyMutations(pick: (max: number) => number): {
  next(): PolicyMutation;
  /** Changes that the policy allows. */
  mayChange(text: string): boolean;
  /** Of what is surely allowed: denials of it are too many. */
  isPlain(text: string): boolean;
} {
  const one = <T>(list: readonly T[]): T => list[pick(list.length)]!;
  let number = 0;
  const respell = (word: string): string =>
    /^[a-z_]+$/.test(word)
      ? word.replaceAll(/[a-z]/g, (letter) => (pick(3) === 0 ? letter.toUpperCase() : letter))
      : word;
  const base = (): string => {
    if (pick(3) === 0) return one(WHOLE).replaceAll('@', one(TABLES).replaceAll(' . ', '.'));
    const column = one(pick(5) < 2 ? ALLOWED_COLUMNS : DENIED_COLUMNS);
    return one(READS).replaceAll('$', column).replaceAll('@', one(TABLES).replaceAll(' . ', '.'));
  };
  const spell = (statement: string): string =>
    statement
      .split(' ')
      .map((word, index) => (index === 0 ? '' : one(BLANKS)) + respell(word))
      .join('');
  const wrap = (sql: string): readonly string[] => {
    number += 1;
    const n = number;
    const query =
      /^(select|with|table)/i.test(sql) && !/for\s*share/i.test(sql.replaceAll(/\/\*.*?\*\/|--.*\n/gs, ' '));
    const ways: (() => readonly string[])[] = [
      () => [sql],
      () => [`;${sql};`],
      () => [`select 1;${sql}`],
      () => [`/* ${n} */${sql}`],
      ...(query
        ? [
            () => [`select * from (${sql}\n) as sub${n}`],
            () => [`with w${n} as materialized (${sql}\n) select * from w${n}`],
            () => [`prepare q${n} as ${sql}`, `execute q${n}`],
            () => [`select exists (${sql}\n), (select count(*) from (${sql}\n) z)`],
            () => [`create temp table k${n} as ${sql}`, `table k${n}`],
            () => [`explain (analyze, costs off) ${sql}`],
            () => [`set search_path = hr, public;${sql}`],
          ]
        : [
            () => [`with u${n} as (${sql}\n returning 1) select count(*) from u${n}`],
            () => [`prepare u${n} as ${sql}`, `execute u${n}`],
          ]),
    ];
    return one(ways)();
  };
  return {
    next() {
      const steps = wrap(spell(base()));
      return {
        steps,
        extended:
          pick(3) === 0 &&
          steps.length === 1 &&
          !/;\s*\S/.test(steps[0]!.replace(/^;/, '')) &&
          !steps[0]!.startsWith(';'),
      };
    },
    mayChange: (text) => /'word-1'/.test(text),
    isPlain: (text) =>
      /^select[\s\S]*\b(id|name)\b[\s\S]*from[\s\S]*victim/i.test(text) &&
      !/salary|iban|\*|secret|clean|sal\\0061/i.test(text),
  };
}
