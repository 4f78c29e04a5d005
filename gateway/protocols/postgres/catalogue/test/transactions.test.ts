/** What a session changes before others can see it: another name, another place, switched on, taken over. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type pg from 'pg';
import { startPostgres, type TestPostgres } from '../../../../../test/servers/postgres.ts';
import { connectDirectly } from '../../../../../test/servers/postgres-client.ts';
import { askCatalogue, SETTINGS, summary, type Asked } from './catalogue-of.ts';

let target: TestPostgres;
let direct: pg.Client;
let asked: Asked;
let session: ReturnType<Asked['session']>;
before(async () => {
  target = await startPostgres();
  direct = await connectDirectly(target);
  await direct.query(`
    create schema app;
    create table public.victim (id int, secret text); create table public.plain (id int);
    create view public.harmless as select 1 a; create view public.leak as select secret from public.victim;
    create table app.plain (id int);
    create function public.wipe(int) returns int language sql as 'delete from public.victim; select 1';
    create function public.nothing(int) returns int language sql immutable as 'select 1';
    create function public.by_default(a int default public.wipe(1)) returns int language sql as 'select 1';
    create function app.moved(int) returns int language sql as 'delete from public.victim; select 1';
    create table public.loaded (a int, b int default public.wipe(1), check (a > 0));
    create function public.fires() returns trigger language plpgsql as $$ begin delete from public.victim; return new; end $$;
    create table public.quiet (a int);
    create trigger t before insert on public.quiet for each row execute function public.fires();
    alter table public.quiet disable trigger t;
    create table public.parts (a int) partition by list (a);
    create table public.part (a int);
    create trigger t before insert on public.part for each row execute function public.fires();
    create view information_schema.odd as select secret from public.victim;
    create table public.unproved (a int);
    create domain public.dom as int check (public.wipe(value) > 0);
    create type public.comp as (d public.dom); create table public.rowed (c public.comp); create table public.typed (d public.dom);
    create type public.sorted as (a int);
    create function public.sorts(public.sorted, public.sorted) returns int language sql as 'delete from public.victim; select 0';
    create operator class public.sorts default for type public.sorted using btree as function 1 public.sorts(public.sorted, public.sorted);
    create table public.to_sort (s public.sorted);
    create procedure public.gives(a int, out b int) language plpgsql as $$ begin b := a; end $$;
    create function public.fills() returns int language plpgsql as $$ begin insert into plain values (1); return 1; end $$;
    alter table public.unproved add constraint c check (public.wipe(a) > 0) not valid;
  `);
  asked = await askCatalogue(target);
});
after(async () => {
  await asked?.close();
  await direct?.end();
  await target?.stop();
});
beforeEach(() => {
  session = asked.session();
});

async function last(...steps: readonly string[]): Promise<string[]> {
  let found: string[] = [];
  for (const sql of steps) found = summary(await asked.analyse(sql, SETTINGS, session));
  return found;
}

describe('catalogue: changed by the session itself', () => {
  it('a view under the name of another', async () => {
    const found = await last(
      'begin; alter view harmless rename to x; alter view leak rename to harmless',
      'select * from harmless',
    );
    assert.ok(found.includes('read public.victim!'), found.join());
    const table = await last(
      'alter table plain rename to y',
      'alter table victim rename to plain',
      'table plain',
    );
    assert.ok(table.includes('read public.victim!'), table.join());
  });

  it('a function under the name of another, and out of another schema', async () => {
    const renamed = await last(
      'begin; alter function nothing(int) rename to x; alter function wipe(int) rename to nothing',
      'select nothing(1)',
    );
    assert.ok(renamed.includes('delete public.victim!'), renamed.join());
    session = asked.session();
    const moved = await last('alter function app.moved(int) set schema public', 'select moved(1)');
    assert.ok(moved.includes('delete public.victim!'), moved.join());
  });

  it('a schema or a domain under the name of another is opaque', async () => {
    for (const sql of [
      'alter schema app rename to other',
      'alter domain d rename to e',
      'alter type t set schema app',
    ])
      assert.ok(
        (await last(sql)).some((one) => one.startsWith('opaque_code')),
        sql,
      );
  });

  it('a name that is gone, or a schema that opens, lets a path lead further', async () => {
    const path = { ...SETTINGS, searchPath: 'app, public' };
    const under = async (sql: string): Promise<string[]> => summary(await asked.analyse(sql, path, session));
    assert.deepEqual(await under('table plain'), ['read app.plain!']);
    await under('begin; drop table app.plain');
    assert.deepEqual(await under('table plain'), ['read app.plain!', 'read public.plain!']);
    session.catalogueTouched();
    session.transactionEnded();
    assert.deepEqual(await under('table plain'), ['read app.plain!']);
    await under('revoke usage on schema app from public');
    assert.deepEqual(await under('table plain'), ['read app.plain!', 'read public.plain!']);
  });

  it('what a new table takes over of others', async () => {
    for (const sql of [
      'create temp table n (like loaded including all); insert into n (a) values (1)',
      'create table n () inherits (loaded); insert into n (a) values (1)',
      'create table n partition of loaded for values in (1)',
    ])
      assert.ok((await last(sql)).includes('delete public.victim!'), sql);
  });

  it('what is switched on, attached or looked through', async () => {
    for (const sql of [
      'alter table quiet enable trigger t; insert into quiet values (1)',
      'alter table parts attach partition part for values in (1); insert into parts values (1)',
      'alter table plain inherit part',
      'alter table unproved validate constraint c',
    ])
      assert.ok((await last(sql)).includes('delete public.victim!'), sql);
  });

  it('types within types, rows as types, and how they are sorted', async () => {
    for (const sql of [
      `select jsonb_populate_record(null::comp, '{"d": 1}')`,
      `select jsonb_populate_record(null::rowed, '{"c": {"d": 1}}')`,
      `select jsonb_populate_record(null::public.typed, '{"d": 1}')`,
      'select row(1)::comp',
      'select s from to_sort where true order by s',
    ])
      assert.ok((await last(sql)).includes('delete public.victim!'), sql);
    assert.deepEqual(await last('call gives(1, null)'), ['execute public.gives']);
  });

  it('defaults of parameters', async () => {
    assert.ok((await last('select by_default()')).includes('delete public.victim!'));
    const own = await last(
      'create function own(a int default wipe(1)) returns int language sql as $$ select 1 $$',
      'select own()',
    );
    assert.ok(own.includes('delete public.victim!'));
  });

  it('a statement prepared in SQL is looked at when it is executed', async () => {
    await direct.query('create view turned as select 1 a');
    asked.source.touched();
    assert.deepEqual(await last('prepare p as select * from turned', 'execute p'), ['read public.turned!']);
    await direct.query('create or replace view turned as select length(secret) a from victim');
    asked.source.touched();
    assert.ok((await last('execute p')).includes('read public.victim!'));
    await direct.query('drop view turned');
  });

  it('catalogues that hold rows of any table, and views among them', async () => {
    for (const relation of ['pg_stats', 'pg_catalog.pg_statistic', 'pg_largeobject'])
      assert.equal((await asked.analyse(`select * from ${relation} where true`)).risk, 'high', relation);
    assert.ok(
      (await last('select * from pg_toast.pg_toast_1260')).includes('opaque_code pg_toast.pg_toast_1260'),
    );
    assert.ok((await last('select * from information_schema.odd')).includes('read public.victim!'));
  });
});

describe('catalogue: views of the session', () => {
  const writes = async (...steps: string[]): Promise<string[]> =>
    (await last(...steps)).filter((one) => /^(write|delete) public\.victim/.test(one));

  it('pass what changes them on to what lies beneath', async () => {
    assert.deepEqual(await writes('create temp view v as select * from victim', 'insert into v values (1)'), [
      'write public.victim',
    ]);
    session = asked.session();
    assert.deepEqual(
      await writes('begin', 'create view v as select * from victim', 'delete from v where id = 1'),
      ['delete public.victim'],
    );
    session = asked.session();
    assert.deepEqual(
      await writes('create temp view v as select * from victim; update v set id = 1 where id = 2'),
      ['write public.victim'],
    );
    session = asked.session();
    const over = ['create temp view v as select * from victim', 'create temp view w as select * from v'];
    assert.deepEqual(await writes(...over, 'insert into w values (1)'), ['write public.victim']);
    // Made anew over itself: no end is looked for.
    assert.deepEqual(
      await writes('create or replace temp view v as select * from w', 'delete from w where id = 1'),
      ['delete public.victim'],
    );
    session = asked.session();
    assert.deepEqual(await writes('create temp view v as select * from victim', 'select * from v'), []);
  });

  it('stand for the tables that they hide, in stored code, too', async () => {
    assert.deepEqual(await writes('select fills()'), []);
    const found = await writes('create temp view plain as select * from victim', 'select fills()');
    assert.ok(found.includes('write public.victim'), found.join());
    session = asked.session();
    assert.deepEqual(await writes('create temp table plain (a int)', 'select fills()'), []);
  });
});
