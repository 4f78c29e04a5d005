/** What a command does through objects of the target, on a real server. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { startPostgres, type TestPostgres } from '../../../../../test/servers/postgres.ts';
import { connectDirectly } from '../../../../../test/servers/postgres-client.ts';
import { askCatalogue, summary, type Asked } from './catalogue-of.ts';

let target: TestPostgres;
let direct: pg.Client;
let asked: Asked;

const SCHEMA = `
  create schema app; create schema odd;
  create table public.orders (id int primary key, note text, total int);
  create table public.lines (order_id int references public.orders (id) on delete cascade, item text);
  create table public.secrets (id int, secret text);
  create table public.log (at timestamptz default now(), what text);
  create table app.orders (id int);
  create view public.totals as select id, total from public.orders where total > 10;
  create view public.leak as select s.secret from public.secrets s join public.totals t using (id);
  create view app.deep as select * from public.leak;
  create materialized view public.stored as select secret from public.secrets;
  create view public.passwords as select rolname, rolpassword from pg_authid;
  create view public.file as select pg_read_file('PG_VERSION') v;

  create function public.plain(int) returns int language sql immutable as 'select $1 + 1';
  create function public.wipe() returns void language sql as 'delete from public.orders';
  create function public.wipe_atomic() returns void begin atomic delete from public.orders where id = 1; end;
  create function public.by_path() returns bigint language sql as 'select count(*) from orders where id = 1';
  create function public.own_path() returns bigint language sql set search_path = app as 'select count(*) from orders where id = 1';
  create function public.steps(n int) returns int language plpgsql as $$
    declare r record; begin
      for r in select * from public.lines where order_id = n loop insert into public.log (what) values (r.item); end loop;
      return public.plain(n);
    end $$;
  create function public.dynamic(t text) returns void language plpgsql as $$ begin execute 'drop table ' || t; end $$;
  create function public.lies() returns int language plpgsql immutable as $$ declare x int; begin execute 'select count(*) from pg_authid' into x; return x; end $$;
  create function public.calls_dynamic() returns void language sql as 'select public.dynamic($q$orders$q$)';
  create function public.round_and_round(n int) returns int language plpgsql as $$ begin perform public.and_round(n); delete from public.log; return 1; end $$;
  create function public.and_round(n int) returns int language plpgsql as $$ begin perform public.round_and_round(n); delete from public.lines; return 1; end $$;
  create function public.over(int) returns int language sql immutable as 'select 1';
  create function public.over(text) returns int language sql as 'delete from public.log; select 1';
  create function public.lower(int) returns text language sql as 'delete from public.orders; select 1::text';
  create function public.of_row(public.orders) returns int language sql as 'delete from public.log; select 1';
  create function public.alias(text) returns text language internal as 'pg_read_file_all';
  create procedure public.work(n int) language plpgsql as $$ begin delete from public.log where what = n::text; end $$;
  create function public.settings() returns void language plpgsql as $$ begin perform set_config('search_path', 'evil', false); end $$;

  create function public.audit() returns trigger language plpgsql as $$ begin insert into public.log (what) values (new.note); return new; end $$;
  create function public.audit_dynamic() returns trigger language plpgsql as $$ begin execute tg_argv[0]; return new; end $$;
  create table public.audited (id int, note text);
  create trigger t before insert on public.audited for each row execute function public.audit();
  create table public.hooked (id int);
  create trigger t after delete on public.hooked for each row execute function public.audit_dynamic('drop table orders');
  create table public.ruled (id int);
  create rule r as on insert to public.ruled do also delete from public.secrets;
  create table public.defaults (id int default public.over('x'), n int);
  create table public.checked (id int check (public.over(id::text) > 0));
  create table public.virtual (id int, word text, v text generated always as (upper(word)) stored);
  create table public.indexed (id int);
  create function public.sneaky(int) returns int language plpgsql immutable as $$ begin execute 'select 1'; perform public.over('x'); return 1; end $$;
  create index i on public.indexed (public.sneaky(id));
  create table public.policied (id int);
  alter table public.policied enable row level security;
  create policy p on public.policied using (public.over(id::text) > 0 and exists (select from public.secrets));
  create table public.parent (id int); create table public.child () inherits (public.parent);
  create trigger t before delete on public.child for each row execute function public.audit_dynamic();
  create table public.parted (id int) partition by range (id);
  create table public.parted_1 partition of public.parted for values from (0) to (10);

  create operator public.=== (function = public.over_op, leftarg = int, rightarg = int);
`;
const OPERATORS = `
  create function public.over_op(int, int) returns boolean language sql as 'delete from public.log; select true';
  create operator public.=== (function = public.over_op, leftarg = int, rightarg = int);
  create operator odd.= (function = public.over_eq, leftarg = int, rightarg = text);
`;
const MORE = `
  create function public.over_eq(int, text) returns boolean language sql as 'delete from public.orders where id = 9; select true';
  create type public.money_like as (a int);
  create function public.to_money(text) returns public.money_like language sql as 'delete from public.log; select row(1)::public.money_like';
  create cast (text as public.money_like) with function public.to_money(text);
  create domain public.positive as int check (public.over(value::text) > 0);
  create table public.priced (p public.positive, q public.positive[]);
  create aggregate public.agg(int) (sfunc = public.agg_step, stype = int);
`;

before(async () => {
  target = await startPostgres();
  direct = await connectDirectly(target);
  const schema = SCHEMA.slice(0, SCHEMA.indexOf('  create operator'));
  await direct.query(`set check_function_bodies = off; ${schema}`);
  const [fn, op, eq] = OPERATORS.split(';\n');
  await direct.query(`${fn}; ${op}`);
  const [eqFunction, ...more] = MORE.split(';\n');
  await direct.query(`${eqFunction}; ${eq}`);
  await direct.query(
    `create function public.agg_step(int, int) returns int language sql as 'delete from public.log; select 1'; ${more.join(';')}`,
  );
  asked = await askCatalogue(target);
});
after(async () => {
  await asked?.close();
  await direct?.end();
  await target?.stop();
});

/** SQL, and all that it comes to. */
const CASES: readonly (readonly [string, ...string[]])[] = [
  ['set search_path = odd; select case 1 when 2 then 3 end', 'delete public.orders', 'set search_path'],
  ['select * from orders where id = 1', 'read public.orders'],
  ['select * from totals', 'read public.orders', 'read public.totals!'],
  [
    'select * from leak where secret = $1',
    'read public.leak',
    'read public.orders',
    'read public.secrets',
    'read public.totals',
  ],
  [
    'table app.deep',
    'read app.deep!',
    'read public.leak!',
    'read public.orders',
    'read public.secrets!',
    'read public.totals!',
  ],
  ['table stored', 'read public.secrets!', 'read public.stored!'],
  ['refresh materialized view stored', 'maintain public.stored', 'read public.secrets!'],
  ['table passwords', 'read pg_catalog.pg_authid!', 'read public.passwords!'],
  ['table file', 'read PG_VERSION', 'read public.file!'],
  ['select * from nowhere', 'opaque_code public.nowhere', 'read public.nowhere!'],
  ['select nothing(1)', 'opaque_code public.nothing'],
  ['select lower($1), now(), int4(1), jsonb_build_object()', 'delete public.orders!'],
  ['select pg_catalog.lower($1)'],
  ['select plain(1)', 'execute public.plain'],
  ['select wipe()', 'delete public.orders!', 'execute public.wipe'],
  ['select wipe_atomic()', 'delete public.orders', 'execute public.wipe_atomic'],
  ['select by_path()', 'execute public.by_path', 'read public.orders'],
  ['select own_path()', 'execute public.own_path', 'read app.orders'],
  [
    'select steps(1)',
    'execute public.plain',
    'execute public.steps',
    'read public.lines',
    'write public.log',
  ],
  ['select dynamic($1)', 'execute public.dynamic', 'opaque_code public.dynamic'],
  ['select lies()', 'execute public.lies', 'read pg_catalog.pg_authid!'],
  [
    'select calls_dynamic()',
    'execute public.calls_dynamic',
    'execute public.dynamic',
    'opaque_code public.dynamic',
  ],
  [
    'select round_and_round(1)',
    'delete public.lines!',
    'delete public.log!',
    'execute public.and_round',
    'execute public.round_and_round',
  ],
  [
    'select and_round(1)',
    'delete public.lines!',
    'delete public.log!',
    'execute public.and_round',
    'execute public.round_and_round',
  ],
  ['select over(1)', 'delete public.log!', 'execute public.over'],
  [
    'select o.of_row from orders o where id = 1',
    'delete public.log!',
    'execute public.of_row',
    'read public.orders',
  ],
  [
    'select (o).of_row from orders o where id = 1',
    'delete public.log!',
    'execute public.of_row',
    'read public.orders',
  ],
  ['select alias($1)', 'execute public.alias', 'read pg_read_file'],
  ['call work(1)', 'delete public.log', 'execute public.work'],
  ['select settings()', 'execute public.settings', 'set search_path'],
  ["insert into audited values (1, 'x')", 'write public.audited', 'write public.log'],
  ['update audited set id = 2 where id = 1', 'write public.audited'],
  ['copy audited from stdin', 'import public.audited', 'write public.log'],
  ['delete from hooked where id = 1', 'delete public.hooked', 'opaque_code public.audit_dynamic'],
  ['insert into hooked values (1)', 'write public.hooked'],
  ['insert into ruled values (1)', 'delete public.secrets!', 'write public.ruled'],
  [
    'insert into defaults (n) values (1)',
    'delete public.log!',
    'execute public.over',
    'write public.defaults',
  ],
  ['insert into checked values (1)', 'delete public.log!', 'execute public.over', 'write public.checked'],
  [
    'insert into indexed values (1)',
    'delete public.log!',
    'execute public.over',
    'execute public.sneaky',
    'write public.indexed',
  ],
  ['select * from indexed where id = 1', 'read public.indexed'],
  [
    'vacuum analyze indexed',
    'delete public.log!',
    'execute public.over',
    'execute public.sneaky',
    'maintain public.indexed',
  ],
  [
    'select * from policied where id = 1',
    'delete public.log!',
    'execute public.over',
    'read public.policied',
    'read public.secrets',
  ],
  ['delete from orders where id = 1', 'delete public.lines', 'delete public.orders'],
  [
    'delete from parent where id = 1',
    'delete public.child',
    'delete public.parent',
    'opaque_code public.audit_dynamic',
  ],
  ['delete from only parent where id = 1', 'delete public.parent'],
  ['select * from parted where id = 1', 'read public.parted', 'read public.parted_1'],
  ['select 1 === 2', 'delete public.log!'],
  ['select 1 operator(public.===) 2', 'delete public.log!'],
  ['select case 1 when 2 then 3 end'],
  ['set search_path = odd; select nullif(1, 2)', 'delete public.orders', 'set search_path'],
  ["select 1 operator(odd.=) 'x'::text", 'delete public.orders'],
  ["select 'x'::money_like", 'delete public.log!'],
  ['select 1::positive', 'delete public.log!', 'execute public.over'],
  ['insert into priced values (1)', 'delete public.log!', 'execute public.over', 'write public.priced'],
  [
    'select agg(id) from orders where id > 3',
    'delete public.log!',
    'execute public.agg',
    'read public.orders',
  ],
  ['do $$ begin perform public.wipe(); end $$', 'delete public.orders!', 'execute public.wipe', 'session -'],
];

describe('catalogue: what objects run', () => {
  for (const [sql, ...listed] of CASES)
    it(sql, async () => {
      // Lines go with their orders.
      const cascades = listed.some((one) => one.startsWith('delete public.orders'));
      const expected = cascades ? [...new Set([...listed, 'delete public.lines'])] : listed;
      const analysis = await asked.analyse(sql);
      assert.deepEqual(summary(analysis), expected.toSorted());
      // The second time from the cache.
      assert.deepEqual(summary(await asked.analyse(sql)), expected.toSorted());
    });
});
