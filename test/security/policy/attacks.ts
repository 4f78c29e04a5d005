/**
 * What a policy on columns, objects and whole tables denies, asked for in ways that say it otherwise. `naive`: gateways that let it
 * through (naive-gateways.ts), with why.
 */
import type { NaiveGateway } from './naive-gateways.ts';

export interface PolicyAttack {
  readonly name: string;
  readonly why: string;
  readonly naive: readonly NaiveGateway[];
  readonly steps: readonly string[];
  /** What shows that it came through; a cell that nobody may read where it is absent. */
  readonly shows?: RegExp;
}

/** Cells that are denied hold this. */
export const LEAK = /countersign-secret-/;

export const POLICY_VICTIMS = `
  drop schema if exists hr cascade;
  drop table if exists public.victim_orders cascade;
  create schema hr;
  create table hr.victim_staff (id int primary key, name text, salary text, iban text);
  insert into hr.victim_staff
    select n, 'name-' || n, 'countersign-secret-salary-' || n, 'countersign-secret-iban-' || n from generate_series(1, 3) n;
  create table hr.victim_secrets (id int primary key, secret text);
  insert into hr.victim_secrets values (1, 'countersign-secret-cell');
  create table public.victim_orders (id int primary key, word text, amount int);
  insert into public.victim_orders select n, 'word-' || n, n from generate_series(1, 10) n;
  create or replace view public.victim_staff_view as select id, name, salary from hr.victim_staff;
  create or replace view public.victim_second_view as select v.* from public.victim_staff_view v;
  create or replace function public.victim_salary(int) returns text language sql as 'select salary from hr.victim_staff where id = $1';
  create or replace function public.victim_pay(hr.victim_staff) returns text language sql as 'select $1.salary';
  create or replace function public.victim_by_name(text) returns text language plpgsql as
    $$ declare found text; begin execute 'select ' || $1 || ' from hr.victim_staff limit 1' into found; return found; end $$;
  create or replace function public.victim_clean() returns int language sql as 'delete from public.victim_orders; select 1';
`;

const attack = (
  name: string,
  why: string,
  naive: readonly NaiveGateway[],
  ...steps: readonly string[]
): PolicyAttack => ({ name, why, naive, steps });
const ALL = ['verb', 'words', 'names'] as const;
const TEXT = ['verb', 'words'] as const;

/** Reading the columns salary and iban of hr.victim_staff; id and name are allowed. */
const COLUMNS: readonly PolicyAttack[] = [
  attack('star', 'no column is named', ALL, 'select * from hr.victim_staff'),
  attack('star of an alias', 'no column is named', ALL, 'select s.* from hr.victim_staff s'),
  attack('TABLE', 'no column is named', ALL, 'table hr.victim_staff'),
  attack('a row', 'an alias is read as a column', ALL, 'select s from hr.victim_staff s'),
  attack(
    'a row by the name of its table',
    'a table is read as a column',
    ALL,
    'select victim_staff from hr.victim_staff',
  ),
  attack('a row as text', 'a cast of an alias', ALL, 'select s::text from hr.victim_staff s'),
  attack('a row as JSON', 'keys are made in the target', ALL, 'select to_json(s) from hr.victim_staff s'),
  attack(
    'a row as JSON, old',
    'keys are made in the target',
    ALL,
    'select row_to_json(s) from hr.victim_staff s',
  ),
  attack(
    'a key of the JSON',
    'the name is put together',
    ALL,
    `select to_jsonb(s) ->> ('sal' || 'ary') from hr.victim_staff s`,
  ),
  attack('all rows as JSON', 'an aggregate of an alias', ALL, 'select json_agg(s) from hr.victim_staff s'),
  attack(
    'all rows as an array',
    'an aggregate of an alias',
    ALL,
    'select array_agg(s) from hr.victim_staff s',
  ),
  attack(
    'all rows as a string',
    'an aggregate of a cast',
    ALL,
    `select string_agg(s::text, ',') from hr.victim_staff s`,
  ),
  attack('format of a row', 'any function takes a row', ALL, `select format('%s', s) from hr.victim_staff s`),
  attack('concat of a row', 'any function takes a row', ALL, 'select concat(s) from hr.victim_staff s'),
  attack(
    'XML of a row',
    'any function takes a row',
    ALL,
    `select xmlelement(name x, s::text) from hr.victim_staff s`,
  ),
  attack('renamed columns', 'the alias renames them', ALL, 'select c from hr.victim_staff as s(a, b, c, d)'),
  attack(
    'columns renamed by a CTE',
    'the CTE renames them',
    ALL,
    'with t(a, b, c, d) as (table hr.victim_staff) select c from t',
  ),
  attack(
    'columns renamed by a sub-query',
    'the alias renames them',
    ALL,
    'select t.d from (select * from hr.victim_staff) as t(a, b, c, d)',
  ),
  attack(
    'behind a union',
    'the second part is not looked at',
    ALL,
    `select 0, '', '', '' union all select * from hr.victim_staff`,
  ),
  attack(
    'in a lateral join',
    'the from clause hides a query',
    ALL,
    'select x.* from (values (1)) v, lateral (select * from hr.victim_staff) x',
  ),
  attack(
    'by a natural join',
    'stars of two tables',
    ALL,
    'select * from hr.victim_staff natural join public.victim_orders',
  ),
  attack(
    'by a cross join',
    'the star is of both',
    ALL,
    'select * from public.victim_orders o, hr.victim_staff limit 3',
  ),
  attack('a Unicode name', 'the name is not in the text', ALL, 'select U&"sal\\0061ry" from hr.victim_staff'),
  attack(
    'a Unicode name with its escape',
    'the name is not in the text',
    ALL,
    `select U&"sal!0061ry" uescape '!' from hr.victim_staff`,
  ),
  attack('a view', 'its name says nothing', ALL, 'select * from public.victim_staff_view'),
  attack('a row of a view', 'its name says nothing', ALL, 'select v from public.victim_staff_view v'),
  attack('a view of a view', 'two names away', ALL, 'select * from public.victim_second_view'),
  attack('a function', 'its body reads', ALL, 'select public.victim_salary(1)'),
  attack('a function in from', 'its body reads', ALL, 'select * from public.victim_salary(2) as t'),
  attack('a function as a column', 'looks like a column', ALL, 'select s.victim_pay from hr.victim_staff s'),
  attack(
    'a function that makes its text',
    'the text is put together there',
    ALL,
    `select public.victim_by_name('sal' || 'ary')`,
  ),
  attack(
    'query_to_xml',
    'a query in a string',
    TEXT,
    `select query_to_xml('select salary from hr.victim_staff', true, false, '')`,
  ),
  attack(
    'query_to_xml, put together',
    'a query in pieces',
    ALL,
    `select query_to_xml('select sal' || 'ary from hr.victim_staff', true, false, '')`,
  ),
  attack(
    'table_to_xml',
    'a table in a string',
    ALL,
    `select table_to_xml('hr.victim_staff', true, false, '')`,
  ),
  attack('schema_to_xml', 'a schema in a string', ALL, `select schema_to_xml('hr', true, false, '')`),
  attack('COPY out', 'no select at all', ALL, 'copy hr.victim_staff to stdout'),
  attack('COPY of a query', 'a query in a COPY', ALL, 'copy (table hr.victim_staff) to stdout'),
  attack(
    'a cursor',
    'the FETCH names nothing',
    ALL,
    'begin; declare c cursor for table hr.victim_staff',
    'fetch all from c',
    'rollback',
  ),
  attack(
    'a prepared statement',
    'the EXECUTE names nothing',
    ALL,
    'prepare p as table hr.victim_staff',
    'execute p',
  ),
  attack(
    'a temporary copy',
    'the second statement reads a table of ours',
    ALL,
    'create temp table k as table hr.victim_staff',
    'table k',
  ),
  attack(
    'a copy by SELECT INTO',
    'select that writes',
    ALL,
    'select * into temp k2 from hr.victim_staff',
    'table k2',
  ),
  attack(
    'a view of ours',
    'made and read',
    ALL,
    'create temp view victim_k as table hr.victim_staff',
    'table victim_k',
  ),
  attack(
    'a function of ours',
    'made and called',
    ALL,
    `create function pg_temp.f() returns setof text language sql as 'select s::text from hr.victim_staff s'`,
    'select pg_temp.f()',
  ),
  attack(
    'into an allowed table',
    'written where it may be read',
    ALL,
    'insert into public.victim_orders select 100 + id, s::text, 0 from hr.victim_staff s',
    'select word from public.victim_orders where id > 100',
  ),
  attack(
    'returned by an update',
    'an update that reads',
    ALL,
    'begin; update hr.victim_staff s set name = name where id = 1 returning s',
    'rollback',
  ),
  attack(
    'copied within an update',
    'an update that reads',
    TEXT,
    'update hr.victim_staff set name = salary where id = 1',
    'select name from hr.victim_staff where id = 1',
  ),
  attack('with the name in quotes', 'spelled otherwise', TEXT, 'select "salary" from "hr"."victim_staff"'),
  attack(
    'with comments within',
    'spelled otherwise',
    TEXT,
    'select s/**/./**/salary from hr/**/./**/victim_staff s',
  ),
  attack(
    'with a whole catalogue name',
    'spelled otherwise',
    TEXT,
    'select shop.hr.victim_staff.salary from shop.hr.victim_staff',
  ),
  {
    ...attack(
      'guessed by a condition',
      'only names come out',
      TEXT,
      `select name from hr.victim_staff where salary like '%salary-2'`,
    ),
    shows: /name-2/,
  },
  {
    ...attack(
      'guessed in a sub-query',
      'the condition stands in a sub-query',
      TEXT,
      `select name from hr.victim_staff where exists (select 1 where salary like '%salary-2')`,
    ),
    shows: /name-2/,
  },
  {
    ...attack(
      'guessed by the order',
      'only the order tells',
      TEXT,
      'select name from hr.victim_staff order by salary desc limit 1',
    ),
    shows: /name-3/,
  },
  {
    ...attack(
      'guessed by a join',
      'the condition of a join',
      TEXT,
      `select o.id from public.victim_orders o join hr.victim_staff s on s::text like '%salary-2%' and o.id = s.id`,
    ),
    shows: /"id":2/,
  },
];

/** Reading hr.victim_secrets at all. */
const OBJECTS: readonly PolicyAttack[] = [
  attack('quoted', 'the name in quotes', ALL, 'select secret from "hr"."victim_secrets"'),
  attack('with blanks', 'blanks around the dot', ALL, 'select secret from hr . victim_secrets'),
  attack('with a comment', 'a comment around the dot', ALL, 'select secret from hr/* */.victim_secrets'),
  attack('with a line comment', 'a comment around the dot', ALL, 'select secret from hr.--\nvictim_secrets'),
  attack('upper case', 'folded in the target', ALL, 'SELECT SECRET FROM HR.VICTIM_SECRETS'),
  attack('Unicode', 'escapes', ALL, 'select secret from hr.U&"victim\\005Fsecrets"'),
  attack(
    'by the search path',
    'no schema in the name',
    ALL,
    'set search_path = hr, public',
    'select secret from victim_secrets',
  ),
  attack(
    'by set_config',
    'the path by a function',
    ALL,
    `select set_config('search_path', 'hr', false)`,
    'select secret from victim_secrets',
  ),
  attack(
    'in one string with the path',
    'the path in the same string',
    ALL,
    'set search_path = hr; select secret from victim_secrets',
  ),
  attack(
    'in a condition',
    'an allowed table in front',
    ALL,
    'select word from public.victim_orders where id = 1 union all select secret from hr ."victim_secrets"',
  ),
  attack('in the select list', 'a scalar sub-query', ALL, 'select (select secret from "hr".victim_secrets)'),
  attack('in VALUES', 'values with a query', ALL, 'values ((select secret from hr. victim_secrets))'),
  attack('in a CTE', 'a CTE', ALL, 'with t as materialized (table "hr".victim_secrets) select * from t'),
  attack(
    'in a call',
    'an argument',
    ALL,
    'select coalesce((select secret from "hr".victim_secrets), null) as u',
  ),
  attack(
    'in RETURNING',
    'a sub-query behind a write',
    ALL,
    'insert into public.victim_orders values (200) returning (select secret from "hr".victim_secrets)',
    'rollback',
  ),
  attack(
    'in SET of an update',
    'a sub-query in a write',
    ALL,
    'update public.victim_orders set word = (select secret from "hr".victim_secrets) where id = 1',
    'select word from public.victim_orders where id = 1',
  ),
  attack(
    'in ORDER BY',
    'only the order',
    ALL,
    'select id from public.victim_orders order by (select secret from "hr".victim_secrets) limit 1; select secret from "hr".victim_secrets',
  ),
  attack(
    'through regclass',
    'a name in a string',
    ALL,
    `select table_to_xml(('hr' || '.victim_secrets')::regclass, true, false, '')`,
  ),
  attack(
    'through a cursor of a name',
    'a name in a string',
    ALL,
    `select cursor_to_xml('c'::refcursor, 1, true, false, '')`,
    `begin; declare c cursor for table "hr".victim_secrets; select cursor_to_xml('c'::refcursor, 1, true, false, ''); rollback`,
  ),
  attack('COPY', 'no select', ALL, 'copy "hr".victim_secrets to stdout'),
  attack(
    'a lock and a cursor',
    'two statements',
    ALL,
    'begin; lock table public.victim_orders; declare d cursor for select * from "hr".victim_secrets; fetch d; rollback',
  ),
];

/** Whole tables that are written, and what is destroyed; single rows of public.victim_orders may be written. */
const WRITES: readonly PolicyAttack[] = [
  attack(
    'a condition that always holds',
    'it has a WHERE',
    ALL,
    'update public.victim_orders set amount = 0 where true',
  ),
  attack(
    'a condition on itself',
    'it has a WHERE',
    ALL,
    'update public.victim_orders set amount = 0 where id = id',
  ),
  attack('not null', 'it has a WHERE', ALL, 'update public.victim_orders set amount = 0 where 1 is not null'),
  attack(
    'one or all',
    'it has a WHERE with a constant',
    ALL,
    'update public.victim_orders set amount = 0 where id = 1 or true',
  ),
  attack(
    'a tautology of numbers',
    'it has a WHERE',
    ALL,
    'update public.victim_orders set amount = 0 where 2 > 1',
  ),
  attack(
    'in a CTE',
    'it begins with WITH',
    ALL,
    'with u as (update public.victim_orders set amount = 0 returning 1) select count(*) from u',
  ),
  attack(
    'by EXPLAIN',
    'it begins with EXPLAIN',
    ALL,
    'explain analyze update public.victim_orders set amount = 0',
  ),
  attack(
    'prepared',
    'the EXECUTE says nothing',
    ALL,
    'prepare w as update public.victim_orders set amount = 0',
    'execute w',
  ),
  attack(
    'by MERGE',
    'a merge',
    ALL,
    'merge into public.victim_orders o using (values (1)) v on true when matched then update set amount = 0',
  ),
  attack(
    'deleted by MERGE',
    'a merge that deletes',
    ALL,
    'merge into public.victim_orders o using (values (1)) v on true when matched then delete',
  ),
  attack(
    'deleted with a comment between',
    'a word list',
    ALL,
    'with d as (delete/**/from public.victim_orders returning 1) select 1 from d',
  ),
  attack('deleted by a function that is there', 'its name says nothing', ALL, 'select public.victim_clean()'),
  attack(
    'deleted by a function in a condition',
    'called by a filter',
    ALL,
    'select id from public.victim_orders where public.victim_clean() = 1',
  ),
  attack(
    'deleted in a DO block',
    'a string',
    ALL,
    `do $$ begin execute 'del' || 'ete fr' || 'om public.victim_orders'; end $$`,
  ),
  attack(
    'dropped with a comment between',
    'a word list',
    ['words', 'names'],
    'drop/**/table public.victim_orders',
  ),
  attack(
    'dropped behind a select',
    'the second statement',
    ['verb', 'names'],
    'select 1; drop table public.victim_orders',
  ),
  attack(
    'emptied behind a select',
    'the second statement',
    ['verb', 'names'],
    'select 1; truncate public.victim_orders',
  ),
];

export const POLICY_ATTACKS: readonly PolicyAttack[] = [...COLUMNS, ...OBJECTS, ...WRITES];
