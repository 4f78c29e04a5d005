/** Attacks through objects that stand in the target already: planted by somebody else, and only used by the service account. */
import type { Attack } from './attacks.ts';

const planted = (name: string, plant: string, ...steps: string[]): Attack => ({ name, plant, steps });

const WIPE = `create function victim_w(text) returns int language sql as 'delete from victim; select 1'`;
const WIPE_IMMUTABLE = `create function victim_wi(int) returns int language plpgsql immutable as $$ begin perform victim_w('x'); return 1; end $$`;

export const PLANTED: readonly Attack[] = [
  planted(
    'a view of passwords',
    'create view victim_view as select rolpassword from pg_authid',
    'select * from victim_view limit 1000',
  ),
  planted(
    'a view of a view',
    'create view victim_view as select rolpassword p from pg_authid; create view victim_v as select * from victim_view',
    'select p from victim_v where p is not null',
  ),
  planted(
    'a view in a schema of the path',
    'create schema victim_schema; create view victim_schema.orders as select secret from public.victim_secret',
    'set search_path = victim_schema, public; select * from orders',
  ),
  planted(
    'a materialized view',
    'create materialized view victim_mv as select secret from victim_secret',
    'table victim_mv',
  ),
  planted(
    'a SQL function',
    `create function victim_f() returns setof text language sql as 'select rolpassword from pg_authid'`,
    'select victim_f()',
  ),
  planted(
    'a SQL function in the new form',
    'create function victim_f() returns setof text begin atomic select secret from victim_secret; end',
    'select * from victim_f() f',
  ),
  planted(
    'a PL/pgSQL function',
    `create function victim_f() returns void language plpgsql as 'begin delete from victim; end'`,
    'select victim_f()',
  ),
  planted(
    'a PL/pgSQL function with dynamic SQL',
    `create function victim_f() returns void language plpgsql as $$ begin execute 'drop ta' || 'ble victim cascade'; end $$`,
    'select victim_f()',
  ),
  planted(
    'a function that is declared immutable',
    `create function victim_f() returns text language plpgsql immutable as $$ declare s text; begin execute 'select secr' || 'et from victim_secret' into s; return s; end $$`,
    'select victim_f()',
  ),
  planted(
    'a function that calls another',
    `${WIPE}; create function victim_f() returns int language sql as $$ select victim_w('x') $$`,
    'select victim_f()',
  ),
  planted(
    'a function as its owner',
    `create function victim_f() returns text language sql security definer set search_path = public as 'select secret from victim_secret'`,
    'select victim_f()',
  ),
  planted(
    'a function in quotes',
    `create function "victim F()"() returns int language sql as 'delete from victim; select 1'`,
    'select "victim F()"()',
  ),
  planted(
    'a function under another name',
    `create function victim_f(text) returns text language internal as 'pg_read_file_all'`,
    `select victim_f('PG_VERSION') as pg_read_file`,
  ),
  planted(
    'a function of another schema in the path',
    `create schema victim_schema; create function victim_schema.now() returns int language sql as 'delete from victim; select 1'`,
    'set search_path = victim_schema, pg_catalog, public; select now()',
  ),
  planted(
    'an overload of a function of PostgreSQL',
    `create function lower(int) returns text language sql as 'delete from victim; select null::text'`,
    'select lower(5)',
  ),
  planted(
    'a function of PostgreSQL, replaced',
    `create function pg_catalog.victim_lower(text) returns text language sql as 'delete from public.victim; select $1'`,
    `select victim_lower('a')`,
  ),
  planted(
    'an overload by its arguments',
    `create function victim_f(int) returns int language sql immutable as 'select 1'; create function victim_f(text) returns int language sql as 'delete from victim; select 1'`,
    `select victim_f('x'::text)`,
  ),
  planted(
    'a function with defaults',
    `create function victim_f(a int, b int default 1, variadic c int[] default '{}') returns int language sql as 'delete from victim; select 1'`,
    'select victim_f(1, 2, 3, 4)',
  ),
  planted(
    'a procedure',
    `create procedure victim_p() language sql as 'delete from victim'`,
    'call victim_p()',
  ),
  planted(
    'a function of a row, as a column',
    `create function victim_f(victim) returns int language sql as 'delete from victim; select 1'`,
    'select v.victim_f from victim v where id = 1',
  ),
  planted(
    'an aggregate',
    `create function victim_s(int, int) returns int language sql as 'delete from victim; select 1'; create aggregate victim_a(int) (sfunc = victim_s, stype = int, initcond = '0')`,
    'select victim_a(id) from victim where id < 5',
  ),
  planted(
    'a window aggregate',
    `create function victim_s(int, int) returns int language sql as 'delete from victim; select 1'; create aggregate victim_a(int) (sfunc = victim_s, stype = int, initcond = '0')`,
    'select victim_a(id) over (order by id) from victim where id < 3',
  ),
  planted(
    'an operator',
    `create function victim_o(int, int) returns boolean language sql as 'delete from victim; select true'; create operator === (function = victim_o, leftarg = int, rightarg = int)`,
    'select 1 from victim where id === 3 limit 1',
  ),
  planted(
    'an operator with a schema',
    `create schema victim_schema; create function victim_o(int, int) returns boolean language sql as 'delete from victim; select true'; create operator victim_schema.+ (function = victim_o, leftarg = int, rightarg = int)`,
    'select 1 operator(victim_schema.+) 2',
  ),
  planted(
    'an operator behind IN',
    `create function victim_o(int, text) returns boolean language sql as 'delete from victim; select true'; create operator = (function = victim_o, leftarg = int, rightarg = text)`,
    `select 1 from (values (1)) v(id) where id in (select 'x'::text)`,
  ),
  planted(
    'an operator behind CASE',
    `create function victim_o(int, text) returns boolean language sql as 'delete from victim; select true'; create operator = (function = victim_o, leftarg = int, rightarg = text)`,
    `select case n when 'x'::text then 1 end from (values (1)) v(n)`,
  ),
  planted(
    'a cast',
    `create type victim_type as (a int); create function victim_c(text) returns victim_type language sql as 'delete from victim; select row(1)::victim_type'; create cast (text as victim_type) with function victim_c(text)`,
    `select 'x'::text::victim_type`,
  ),
  planted(
    'an implicit cast',
    `create type victim_type as (a int); create function victim_c(victim_type) returns int language sql as 'delete from victim; select 1'; create cast (victim_type as int) with function victim_c(victim_type) as implicit; create table victim_t (v victim_type); insert into victim_t values (row(1))`,
    'select v + 1 from victim_t limit 1',
  ),
  planted(
    'a domain',
    `${WIPE}; create domain victim_domain as text check (victim_w(value) > 0)`,
    `select 'x'::victim_domain`,
  ),
  planted(
    'a column of a domain',
    `${WIPE}; create domain victim_domain as text check (victim_w(value) > 0); create table victim_t (v victim_domain)`,
    `insert into victim_t values ('x')`,
  ),
  planted(
    'a default',
    `${WIPE}; create table victim_t (a int, b int default victim_w('x'))`,
    'insert into victim_t (a) values (1)',
  ),
  planted(
    'a default with COPY',
    `${WIPE}; create table victim_t (a int, b int default victim_w('x'))`,
    'insert into victim_t (a) select 1',
  ),
  planted(
    'a check',
    `${WIPE}; create table victim_t (a text check (victim_w(a) > 0))`,
    `insert into victim_t values ('x')`,
  ),
  planted(
    'a generated column',
    `${WIPE}; ${WIPE_IMMUTABLE}; create table victim_t (a int, b int generated always as (victim_wi(a)) stored)`,
    'insert into victim_t values (1)',
  ),
  planted(
    'an index expression',
    `${WIPE}; ${WIPE_IMMUTABLE}; create table victim_t (a int); create index on victim_t (victim_wi(a))`,
    'insert into victim_t values (1)',
  ),
  planted(
    'an index condition',
    `${WIPE}; ${WIPE_IMMUTABLE}; create table victim_t (a int); create index on victim_t (a) where victim_wi(a) > 0`,
    'update victim_t set a = 2 where a = 1; insert into victim_t values (1)',
  ),
  planted(
    'a partition key',
    `${WIPE}; ${WIPE_IMMUTABLE}; create table victim_t (a int) partition by list (victim_wi(a)); create table victim_x partition of victim_t default`,
    'insert into victim_t values (1)',
  ),
  planted(
    'a trigger',
    `create function victim_tf() returns trigger language plpgsql as 'begin delete from victim; return new; end'; create table victim_t (a int); create trigger t before insert on victim_t execute function victim_tf()`,
    'insert into victim_t values (1)',
  ),
  planted(
    'a trigger with arguments',
    `create function victim_tf() returns trigger language plpgsql as 'begin execute tg_argv[0]; return new; end'; create table victim_t (a int); create trigger t after update of a on victim_t execute function victim_tf('delete from victim')`,
    'update victim_t set a = 1 where a = 1',
  ),
  planted(
    'a condition of a trigger',
    `${WIPE}; create function victim_tf() returns trigger language plpgsql as 'begin return new; end'; create table victim_t (a text); create trigger t before insert on victim_t for each row when (victim_w(new.a) > 1) execute function victim_tf()`,
    `insert into victim_t values ('x')`,
  ),
  planted(
    'a trigger of a view',
    `create function victim_tf() returns trigger language plpgsql as 'begin delete from victim; return new; end'; create view victim_v as select 1 a; create trigger t instead of insert on victim_v for each row execute function victim_tf()`,
    'insert into victim_v values (1)',
  ),
  planted(
    'a trigger of a partition',
    `create function victim_tf() returns trigger language plpgsql as 'begin delete from victim; return new; end'; create table victim_t (a int) partition by range (a); create table victim_x partition of victim_t for values from (0) to (9); create trigger t before insert on victim_x for each row execute function victim_tf()`,
    'insert into victim_t values (1)',
  ),
  planted(
    'a rule',
    'create table victim_t (a int); create rule r as on insert to victim_t do also delete from victim',
    'insert into victim_t values (1)',
  ),
  planted(
    'a rule instead',
    'create view victim_v as select 1 a; create rule r as on update to victim_v do instead delete from victim',
    'update victim_v set a = 2 where a = 1',
  ),
  {
    harmlessAlone: true,
    ...planted(
      'a policy',
      `${WIPE}; create table victim_t (a text); insert into victim_t values ('x'); alter table victim_t enable row level security; alter table victim_t force row level security; alter table victim_t owner to victim_owner; create policy p on victim_t using (victim_w(a) > 0); grant victim_owner to postgres; grant all on victim to victim_owner; alter table victim disable row level security`,
      // Row security is nothing to a superuser: only the denial is looked at.
      'select * from victim_t limit 1',
    ),
  },
  planted(
    'an event trigger',
    `create function victim_et() returns event_trigger language plpgsql as 'begin delete from public.victim; end'; create event trigger victim_e on ddl_command_end execute function victim_et()`,
    'create table victim_x (a int)',
  ),
  planted(
    'a child of another table',
    'create table victim_t (id int, secret text); alter table victim_secret inherit victim_t',
    'select * from victim_t limit 10',
  ),
  planted(
    'a foreign key that clears a denied table',
    `alter table victim_secret add primary key (id); create table victim_t (id int primary key); insert into victim_t values (1); alter table victim_secret add foreign key (id) references victim_t on delete cascade`,
    'delete from victim_t where id = 1',
  ),
  planted(
    'a prepared statement on a view',
    'create view victim_view as select secret from victim_secret',
    'prepare p as select * from victim_view where true',
    'execute p',
  ),
  planted(
    'a cursor on a view',
    'create view victim_view as select secret from victim_secret',
    'begin; declare c cursor for select * from victim_view; fetch all c',
  ),
  planted(
    'COPY of a query on a view',
    'create view victim_view as select secret from victim_secret',
    'create temp table t as select * from victim_view; table t',
  ),
  planted(
    'EXPLAIN ANALYZE of a function',
    `create function victim_f() returns int language sql as 'delete from victim; select 1'`,
    'explain analyze select victim_f()',
  ),
  planted(
    'a function in a DO block',
    `create function victim_f() returns int language sql as 'delete from victim; select 1'`,
    'do $$ begin perform victim_f(); end $$',
  ),
  planted(
    'a function in a LIMIT',
    `create function victim_f() returns int language sql as 'delete from victim; select 1'`,
    'select 1 limit victim_f()',
  ),
  planted(
    'a sequence function with a harmful overload',
    `create function nextval(text, int) returns int language sql as 'delete from victim; select 1'`,
    `select nextval('x', 1)`,
  ),
  planted(
    'a function under the name of another, in one transaction',
    `create function victim_f(int) returns int language sql immutable as 'select 1'; create function victim_c(int) returns int language sql as 'delete from victim; select 1'`,
    'begin; alter function victim_f(int) rename to victim_d; alter function victim_c(int) rename to victim_f; select victim_f(1); commit',
  ),
  planted(
    'a function under the name of another, step by step',
    `create function victim_f(int) returns int language sql immutable as 'select 1'; create function victim_c(int) returns int language sql as 'delete from victim; select 1'`,
    'begin',
    'alter function victim_f(int) rename to victim_d',
    'alter function victim_c(int) rename to victim_f',
    'select victim_f(1)',
    'commit',
  ),
  planted(
    'defaults taken over by LIKE',
    `${WIPE}; create table victim_t (a int, b int default victim_w('x'))`,
    'create temp table mine (like victim_t including defaults)',
    'insert into mine (a) values (1)',
  ),
  planted(
    'defaults taken over by inheritance',
    `${WIPE}; create table victim_t (a int, b int default victim_w('x'))`,
    'begin',
    'create table victim_x () inherits (victim_t)',
    'insert into victim_x (a) values (1)',
    'commit',
  ),
  planted(
    'a default of a parameter',
    `${WIPE}; create function victim_f(a int default victim_w('x')) returns int language sql as 'select a'`,
    'select victim_f()',
  ),
  planted(
    'a trigger that is switched on',
    `create function victim_tf() returns trigger language plpgsql as 'begin delete from victim; return new; end'; create table victim_t (a int); create trigger t before insert on victim_t execute function victim_tf(); alter table victim_t disable trigger t`,
    'begin; alter table victim_t enable trigger t; insert into victim_t values (1); commit',
  ),
  planted(
    'a partition that brings its trigger',
    `create function victim_tf() returns trigger language plpgsql as 'begin delete from victim; return new; end'; create table victim_t (a int) partition by list (a); create table victim_x (a int); create trigger t before insert on victim_x for each row execute function victim_tf()`,
    'begin; alter table victim_t attach partition victim_x for values in (1); insert into victim_t values (1); commit',
  ),
  planted(
    'a constraint that is validated',
    `${WIPE}; create table victim_t (a text); insert into victim_t values ('x'); alter table victim_t add constraint c check (victim_w(a) > 0) not valid`,
    'alter table victim_t validate constraint c',
  ),
  planted(
    "the planner's samples",
    `create table victim_t (s text); insert into victim_t select 'countersign-secret-cell' from generate_series(1, 50); analyze victim_t`,
    `select most_common_vals from pg_stats where tablename = 'victim_t'`,
  ),
  planted(
    'a view among the catalogues',
    'create view information_schema.victim_view as select secret from public.victim_secret',
    'select * from information_schema.victim_view',
  ),
];
