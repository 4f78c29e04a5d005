/** More attacks through what stands in the target: code that runs where neither the command nor the object that it names shows it. */
import type { Attack } from './attacks.ts';

const planted = (name: string, plant: string, ...steps: string[]): Attack => ({ name, plant, steps });

const WIPE = `create function victim_w(text) returns int language sql as 'delete from public.victim; select 1'`;
const HARMLESS_FIRST = `create function victim_w(text) returns int language sql as 'select 1'; create function victim_wi(int) returns int language plpgsql immutable as $$ begin perform public.victim_w('x'); return 1; end $$`;
const ARM = `create or replace function victim_w(text) returns int language sql as 'delete from public.victim; select 1'`;
const DOMAIN = `${WIPE}; create domain victim_domain as text check (public.victim_w(value) > 0)`;
const TRIGGER = `create function victim_tf() returns trigger language plpgsql as 'begin delete from victim; return new; end'`;
const PARTITIONS = `create table victim_t (a int) partition by list (a); create table victim_x partition of victim_t for values in (1); create table victim_copy partition of victim_t for values in (2); insert into victim_t values (1)`;
const INDEXED = `${HARMLESS_FIRST}; create table victim_t (a int, b int); insert into victim_t select 1, 2 from generate_series(1, 9)`;
const JSON_CLASS = `create function victim_s(json, json) returns int language sql as 'delete from victim; select 0'; create function victim_o(json, json) returns boolean language sql immutable as 'select true'; create operator <<< (function = victim_o, leftarg = json, rightarg = json); create operator === (function = victim_o, leftarg = json, rightarg = json); create operator class victim_oc default for type json using btree as operator 1 <<<, operator 3 ===, function 1 victim_s(json, json)`;

export const TRICKS: readonly Attack[] = [
  planted(
    'a trigger where a row moves to',
    `${TRIGGER}; ${PARTITIONS}; create trigger t before insert on victim_copy for each row execute function victim_tf()`,
    'update victim_t set a = 2 where a = 1',
  ),
  planted(
    'a trigger where a row moves from',
    `${TRIGGER}; ${PARTITIONS}; create trigger t after delete on victim_x for each row execute function victim_tf()`,
    'merge into victim_t t using (values (1)) s(x) on t.a = s.x when matched then update set a = 2',
  ),
  planted(
    'an aggregate within a group, beside a harmless function',
    `create function victim_s(int, int) returns int language sql as 'delete from victim; select 1'; create function victim_d(int, int) returns int language sql immutable as 'select 1'; create function victim_a(int) returns int language sql immutable as 'select 1'; create aggregate victim_a(int order by int) (sfunc = victim_s, stype = int, finalfunc = victim_d, initcond = '0')`,
    'select victim_a(1) within group (order by id) from victim where id < 5',
  ),
  planted(
    "an operator class for a type of PostgreSQL's own",
    JSON_CLASS,
    'select to_json(id) from victim where id < 5 order by 1',
  ),
  planted(
    'the same, where nothing is called',
    JSON_CLASS,
    `select json_array(id) from victim where id < 5 order by 1`,
  ),
  planted(
    'the same, in a column',
    `${JSON_CLASS}; create table victim_t (j json); insert into victim_t values ('1'), ('2')`,
    'select distinct j from victim_t limit 5',
  ),
  planted(
    'a range that is compared by a function',
    `create function victim_s(int, int) returns int language sql as 'delete from victim; select 0'; create operator class victim_oc for type int using btree as operator 1 <, operator 3 =, function 1 victim_s(int, int); create type victim_type as range (subtype = int, subtype_opclass = victim_oc)`,
    'select victim_type(1, 2)',
    `select '[1,2]'::victim_type`,
  ),
  planted(
    'a range of a domain, and many of them',
    `${DOMAIN}; create type victim_type as range (subtype = victim_domain, multirange_type_name = victim_many)`,
    `select '[a,b]'::victim_type`,
    `select '{[a,b]}'::victim_many`,
  ),
  planted('a type named in a string', DOMAIN, `select pg_input_is_valid('x', 'victim_domain')`),
  planted('the same, for its errors', DOMAIN, `select * from pg_input_error_info('x', 'victim_domain')`),
  planted(
    'a type named by its object id',
    DOMAIN,
    `select domain_in('x'::cstring, 'victim_domain'::regtype, -1) is null`,
    `select array_in('{x}'::cstring, 'victim_domain'::regtype, -1) is null`,
  ),
  planted('a type behind RETURNING', DOMAIN, `select json_value('"x"', '$' returning victim_domain)`),
  planted(
    'a type in JSON_TABLE',
    DOMAIN,
    `select * from json_table('["x"]', '$[*]' columns (a victim_domain path '$'))`,
  ),
  planted(
    'a type in XMLTABLE',
    DOMAIN,
    `select * from xmltable('/a' passing xml '<a>x</a>' columns b victim_domain path '.')`,
  ),
  planted('a type of a parameter', DOMAIN, 'prepare p (victim_domain) as select $1', `execute p('x')`),
  planted(
    'a type that PL/pgSQL takes from a column',
    `${DOMAIN}; create table victim_t (v victim_domain)`,
    `do $$ declare v public."victim_t".v %type; begin v := 'x'; end $$`,
  ),
  planted(
    'a table of a type',
    `${DOMAIN}; create type victim_type as (a victim_domain)`,
    'create temp table mine of victim_type',
    `insert into mine values ('x')`,
  ),
  planted(
    'a domain over a domain, in one transaction',
    DOMAIN,
    'begin',
    'create domain victim_domain_2 as victim_domain',
    `select 'x'::victim_domain_2`,
    'commit',
  ),
  planted(
    'a type of a domain, in one transaction',
    DOMAIN,
    'begin',
    'create type victim_type as (a victim_domain)',
    `select '(x)'::victim_type`,
    'commit',
  ),
  planted(
    'a domain that is validated',
    `${WIPE}; create domain victim_domain as text; create table victim_t (v victim_domain); insert into victim_t values ('x'); alter domain victim_domain add constraint c check (victim_w(value) > 0) not valid`,
    'alter domain victim_domain validate constraint c',
  ),
  planted(
    'statistics of an expression',
    `${INDEXED}; create statistics victim_st on (victim_wi(a)), b from victim_t; ${ARM}`,
    'analyze victim_t',
  ),
  planted('ANALYZE of everything', `${INDEXED}; create index on victim_t (victim_wi(a)); ${ARM}`, 'analyze'),
  planted(
    'an index that is built again',
    `${INDEXED}; create index victim_ix on victim_t (victim_wi(a)); ${ARM}`,
    'reindex index victim_ix',
  ),
  planted(
    'an index that is summarised',
    `${INDEXED}; create index victim_ix on victim_t using brin (victim_wi(a)); ${ARM}`,
    `select brin_desummarize_range('victim_ix', 0), brin_summarize_new_values('victim_ix')`,
  ),
  planted(
    'an operator class of a new index',
    `${INDEXED}; create function victim_s(int, int) returns int language plpgsql immutable as $$ begin perform public.victim_w('x'); return 0; end $$; create operator class victim_oc for type int using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=, operator 5 >, function 1 victim_s(int, int); ${ARM}`,
    'create index on victim_t (a victim_oc)',
  ),
  planted(
    'an event trigger behind SELECT INTO',
    `create function victim_et() returns event_trigger language plpgsql as 'begin delete from public.victim; end'; create event trigger victim_e on ddl_command_end execute function victim_et()`,
    'select 1 as a into victim_x',
  ),
  {
    name: "a function of PostgreSQL's own under a new name",
    steps: [
      'alter function pg_catalog.pg_read_file(text) rename to victim_read',
      `select victim_read('/etc/passwd')`,
      'alter function pg_catalog.victim_read(text) rename to pg_read_file',
    ],
  },
];
