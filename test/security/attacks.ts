/** Attacks as SQL that a service account sends; each step is one query string of the same session. */
export interface Attack {
  readonly name: string;
  readonly steps: readonly string[];
  /** What somebody else has put into the target before. */
  readonly plant?: string;
  /** Startup options of the session. */
  readonly options?: string;
  /** The target alone would refuse or show nothing, too: only the denial is looked at. */
  readonly harmlessAlone?: boolean;
}

const attack = (name: string, ...steps: string[]): Attack => ({ name, steps });
const alone = (name: string, ...steps: string[]): Attack => ({ name, steps, harmlessAlone: true });

const PLAIN: readonly Attack[] = [
  attack('drop', 'drop table victim cascade'),
  attack('drop, spelled oddly', 'DrOp/**/TaBlE/*x*/if exists"victim"cascade'),
  attack('drop behind a comment with a quote', "/* ' */ drop table victim cascade -- '"),
  attack('drop behind nested comments', '/* a /* b */ drop nothing */ drop table victim cascade'),
  attack('drop with Unicode escapes', 'drop table U&"v\\0069ctim" cascade'),
  attack('drop with a chosen escape', `drop table U&"v!0069ctim" UESCAPE '!' cascade`),
  attack('drop as the second of two', 'select 1; drop table victim cascade'),
  attack('drop behind empty statements', ';;; ;drop table victim cascade;;'),
  attack('drop with a schema and a database', 'drop table shop.public.victim cascade'),
  attack(
    'drop through pg_temp in the path',
    'set search_path = pg_temp, public',
    'drop table victim cascade',
  ),
  attack(
    'drop through pg_temp by set_config',
    `select set_config('search_path', 'pg_temp, public', false)`,
    'drop table victim cascade',
  ),
  attack(
    'drop through pg_temp in one string',
    'set search_path = pg_temp, public; drop table victim cascade',
  ),
  {
    name: 'drop through pg_temp from the startup message',
    options: '-c search_path=pg_temp,public',
    steps: ['drop table victim cascade'],
  },
  attack(
    'drop behind a function that sets the path',
    `create function victim_path() returns int language sql set search_path = pg_temp as 'select 1'; drop table victim cascade`,
  ),
  attack('truncate', 'truncate victim cascade'),
  attack('truncate only', 'truncate table only victim_child'),
  attack('delete everything', 'delete from victim'),
  attack('delete by a condition that always holds', 'delete from victim where 1 = 1'),
  attack('delete in a CTE', 'with gone as (delete from victim returning *) select count(*) from gone'),
  attack(
    'delete in a nested CTE',
    'with a as (select 1 x), b as (delete from victim returning id) select * from a where x in (select 1)',
  ),
  attack('delete by merge', 'merge into victim using (values (1)) v on true when matched then delete'),
  attack('update everything', 'update victim set amount = 0'),
  attack('update through explain', 'explain analyze update victim set amount = 0'),
  attack('delete through explain with options', 'explain (analyze true, costs off) delete from victim'),
  attack('drop a column', 'alter table victim drop column word'),
  attack('change the owner', 'alter table victim owner to victim_role'),
  attack('row security off', 'alter table victim disable row level security'),
  attack('grant', 'grant all on victim to victim_role'),
  attack('grant all in schema', 'grant all on all tables in schema public to victim_role'),
  attack('grant a role', 'grant postgres to victim_role'),
  attack('default privileges', 'alter default privileges grant all on tables to public'),
  attack('create a superuser', 'create role victim_new superuser login'),
  attack('change a password', `alter role victim_role password 'other'`),
  attack('change a password, old spelling', `alter user victim_role with encrypted password 'other'`),
  attack('add to a group', 'alter group victim_member add user victim_role'),
  attack('settings of a role', `alter role victim_role set search_path = 'evil'`),
  attack('drop a role', 'drop role victim_role'),
  attack('drop owned', 'drop owned by victim_owner cascade'),
  attack(
    'rename out of the schema',
    'create schema victim_schema; alter table victim set schema victim_schema',
  ),
  attack(
    'create in a schema',
    'create schema victim_schema create table victim_x (a int) grant all on victim_x to victim_role',
  ),
];

const CREDENTIALS: readonly Attack[] = [
  attack('pg_authid', 'select * from pg_authid'),
  attack('pg_shadow', 'select usename, passwd from pg_shadow'),
  attack('pg_authid with a database', 'select * from shop.pg_catalog.pg_authid'),
  attack('TABLE', 'table pg_authid'),
  alone('COPY out', 'copy pg_authid to stdout'),
  alone('COPY of a query', 'copy (select rolpassword from pg_authid) to stdout'),
  attack(
    'behind public in the path',
    'set search_path = public, pg_catalog',
    'select rolpassword from pg_authid',
  ),
  {
    name: 'behind public from the startup message',
    options: '-c search_path=public,pg_catalog',
    steps: ['select passwd from pg_shadow'],
  },
  attack('a cursor', 'begin; declare c cursor for select rolpassword from pg_authid; fetch all from c'),
  attack(
    'a view',
    'create view victim_view as select rolpassword from pg_authid',
    'select * from victim_view',
  ),
  attack(
    'a view, old catalogue path',
    'set search_path = public, pg_catalog',
    'create view victim_view as select passwd from pg_shadow',
    'select * from victim_view',
  ),
  attack(
    'a SQL function',
    `create function victim_f() returns setof text language sql as 'select rolpassword from pg_authid'`,
    'select victim_f()',
  ),
  attack(
    'a SQL function in the new form',
    'create function victim_f() returns setof text begin atomic select rolpassword::text from pg_authid; end',
    'select victim_f()',
  ),
  attack('query_to_xml', `select query_to_xml('select * from pg_authid', true, false, '')`),
  attack('query_to_xml, computed', `select query_to_xml('select * from pg_' || 'authid', true, false, '')`),
  attack('table_to_xml', `select table_to_xml('pg_authid', true, false, '')`),
  attack('table_to_xml by oid', "select table_to_xml(1260, true, false, '')"),
  attack('table_to_xml, computed', `select table_to_xml(('pg_' || 'authid')::regclass, true, false, '')`),
  attack(
    'table_to_xml of rows',
    `select table_to_xml(oid, true, false, '') from pg_class where relname = 'pg_authid'`,
  ),
  attack(
    'table_to_xml_and_xmlschema',
    `select table_to_xml_and_xmlschema('pg_catalog.pg_shadow', true, false, '')`,
  ),
  alone('schema_to_xml', `select schema_to_xml('pg_catalog', true, false, '')`),
  attack('prepared in SQL', 'prepare p as select rolpassword from pg_authid', 'execute p'),
  attack(
    'create table as',
    'create table victim_copy as select rolpassword from pg_authid',
    'select * from victim_copy',
  ),
  attack(
    'insert select',
    'create temp table t (p text); insert into t select rolpassword from pg_authid; select * from t',
  ),
  attack(
    'lateral',
    'select s.* from (values (1)) v cross join lateral (select rolpassword from pg_authid) s',
  ),
  attack('a scalar sub-query', 'select (select string_agg(rolpassword, chr(10)) from pg_authid)'),
  attack('an object that policy denies', 'select secret from victim_secret'),
  attack(
    'a denied object behind another schema in the path',
    'set search_path = nowhere, public',
    'select secret from victim_secret',
  ),
  {
    name: 'a denied object behind a path from the startup message',
    options: '-c search_path=nowhere,public',
    steps: ['select secret from victim_secret'],
  },
  attack(
    'a denied object behind a function that sets the path',
    `create function victim_path() returns int language sql set search_path = nowhere as 'select 1'; select secret from victim_secret`,
  ),
  attack(
    'a denied object behind a path that is rolled back',
    'begin; set local search_path = nowhere; rollback; select secret from victim_secret',
  ),
  attack(
    'a denied object behind a path that is never set',
    `select set_config('search_path', 'nowhere', false) where false; select secret from victim_secret`,
  ),
  attack(
    'a denied object behind a path that is only explained',
    `explain select set_config('search_path', 'nowhere', false); select secret from victim_secret`,
  ),
  attack('a denied object by table_to_xml', `select table_to_xml('victim_secret', true, false, '')`),
  alone('a denied object by COPY', 'copy victim_secret to stdout'),
  attack(
    'a denied object through returning',
    'with u as (update victim_secret set id = id where id = 1 returning secret) select * from u',
  ),
  attack(
    'a denied object through LIKE and a cursor',
    'begin; declare c cursor for table victim_secret; fetch all c',
  ),
  attack('files', `select pg_read_file('PG_VERSION')`),
];

const CODE: readonly Attack[] = [
  attack('DO', `do $$ begin drop table victim cascade; end $$`),
  attack('DO in quotes', `do 'begin execute ''drop ta'' || ''ble victim cascade''; end'`),
  attack(
    'DO with another tag',
    `do language plpgsql $x1$ begin execute 'drop ' || 'table victim cascade'; end $x1$`,
  ),
  attack(
    'a plpgsql function',
    `create function victim_f() returns void language plpgsql as $$ begin execute 'drop ' || 'table victim cascade'; end $$`,
    'select victim_f()',
  ),
  attack(
    'a SQL function that drops',
    `create function victim_f() returns void language sql as 'drop table victim cascade'`,
    'select victim_f()',
  ),
  attack(
    'a SQL procedure that drops',
    `create procedure victim_p() language sql as 'drop table victim cascade'`,
    'call victim_p()',
  ),
  attack(
    'a SQL function under other string rules',
    `create function victim_f() returns void language sql set standard_conforming_strings = off as $$ select 'a\\''; drop table victim cascade; --' $$`,
    'select victim_f()',
  ),
  attack(
    'a SQL function altered to other string rules',
    `set check_function_bodies = off; create function victim_f() returns void language sql as $$ select 'a\\''; drop table victim cascade; --' $$`,
    'alter function victim_f() set standard_conforming_strings = off',
    'select victim_f()',
  ),
  attack(
    'string rules off, then smuggled',
    'set standard_conforming_strings = off',
    `select 'a\\''; drop table victim cascade; --'`,
  ),
  attack(
    'string rules off by set_config',
    `select set_config('standard_conforming_strings', 'off', false)`,
    `select 'a\\''; drop table victim cascade; --'`,
  ),
  attack(
    'string rules off through a view on pg_settings',
    'create view victim_view as select * from pg_settings',
    `update victim_view set setting = 'off' where name = 'standard_conforming_strings'`,
    `select 'a\\''; drop table victim cascade; --'`,
  ),
  attack(
    'a rule',
    'create table victim_t (a int); create rule r as on insert to victim_t do also delete from victim',
    'insert into victim_t values (1)',
  ),
  attack(
    'a rule that drops by a view',
    'create view victim_v as select 1 a; create rule r as on update to victim_v do instead delete from victim',
    'update victim_v set a = 2',
  ),
  attack(
    'a trigger',
    `create function victim_tf() returns trigger language plpgsql as 'begin delete from victim; return new; end'; create table victim_t (a int); create trigger t before insert on victim_t execute function victim_tf()`,
    'insert into victim_t values (1)',
  ),
  attack(
    'a cast',
    `create function victim_c(int) returns text language sql as 'delete from victim; select null::text'; create type victim_type as (a int)`,
    'select victim_c(1)',
  ),
  attack(
    'an aggregate',
    `create function victim_s(int, int) returns int language sql as 'delete from victim; select 1'; create aggregate victim_a(int) (sfunc = victim_s, stype = int)`,
    'select victim_a(1)',
  ),
  attack(
    'an operator',
    `create function victim_o(int, int) returns int language sql as 'delete from victim; select 1'; create operator === (function = victim_o, leftarg = int, rightarg = int)`,
    'select 1 === 2',
  ),
  attack(
    'a default',
    `create function victim_d() returns int language sql as 'delete from victim; select 1'`,
    'create table victim_t (a int default victim_d()); insert into victim_t default values',
  ),
  attack('explain of a prepared statement', 'prepare p as delete from victim', 'explain analyze execute p'),
  attack(
    'create table as execute',
    'prepare p as select rolpassword from pg_authid',
    'create table victim_x as execute p',
    'select * from victim_x',
  ),
  attack(
    'prepare twice',
    'prepare p as select 1',
    'deallocate p; prepare p as delete from victim',
    'execute p',
  ),
  attack('an extension', 'create extension if not exists dblink'),
  attack(
    'a server',
    'create extension if not exists postgres_fdw',
    'create server victim_server foreign data wrapper postgres_fdw',
  ),
  attack('a publication', 'create publication victim_pub for all tables'),
  attack('a policy', 'create policy victim_policy on victim using (true)'),
  attack('a database', 'create database victim_db'),
  attack('a role taken on', 'set role victim_role; reset role; drop table victim cascade'),
  alone('session authorization', `set session authorization 'victim_role'`),
  alone(
    'COPY FROM PROGRAM',
    `create temp table t (a text)`,
    `copy t from program 'touch /tmp/countersign-security-program'`,
  ),
  alone('COPY TO PROGRAM', `copy victim to program 'cat > /tmp/countersign-security-program'`),
  alone('COPY TO a file', `copy victim to '/tmp/countersign-security-program'`),
  alone('lo_export', `select lo_export(lo_from_bytea(0, 'x'), '/tmp/countersign-security-program')`),
  alone('lo_import', `select convert_from(lo_get(lo_import('/etc/passwd')), 'UTF8')`),
  alone('ALTER SYSTEM', `alter system set archive_command = 'touch /tmp/countersign-security-program'`),
  alone('LOAD', `load 'auto_explain'`),
  alone('end another backend', 'select pg_terminate_backend(pid) from pg_stat_activity'),
  alone('a setting that the gateway needs', 'set client_connection_check_interval = 0'),
  alone('the same by set_config', `select set_config('client_connection_check_interval', '0', false)`),
  alone('the same, computed', `select set_config('client_connection_' || 'check_interval', '0', false)`),
  alone(
    'the same through pg_settings',
    `update pg_settings set setting = '0' where name = 'client_connection_check_interval'`,
  ),
  alone(
    'the same behind public in the path',
    'set search_path = public, pg_catalog',
    `update pg_settings set setting = '0' where name = 'client_connection_check_interval'`,
  ),
  alone('an encoding that hides quotes', `set client_encoding = 'SJIS'`),
  alone('an encoding by set names', `set names 'GB18030'`),
  alone('triggers off', 'set session_replication_role = replica'),
];

export const ATTACKS: readonly Attack[] = [...PLAIN, ...CREDENTIALS, ...CODE];
