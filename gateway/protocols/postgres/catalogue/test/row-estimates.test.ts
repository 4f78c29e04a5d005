/** About how many rows stand in what a command touches, from the counts of a real server. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { startPostgres, type TestPostgres } from '../../../../../test/servers/postgres.ts';
import { connectDirectly } from '../../../../../test/servers/postgres-client.ts';
import { askCatalogue, type Asked } from './catalogue-of.ts';

let target: TestPostgres;
let direct: pg.Client;
let asked: Asked;
before(async () => {
  target = await startPostgres();
  direct = await connectDirectly(target);
  await direct.query(`
    create table public.orders as select i id, repeat('x', 10) note from generate_series(1, 123456) i;
    create table public.few as select 1 n;
    create table public."Odd.name" as select i from generate_series(1, 20) i;
    create table public.never (n int);
    create view public.seen as select * from public.orders;
    create table public.days (day date, n int) partition by range (day);
    create table public.days_1 partition of public.days for values from ('2026-01-01') to ('2026-02-01');
    create table public.days_2 partition of public.days for values from ('2026-02-01') to ('2026-03-01');
    insert into public.days select '2026-01-05', i from generate_series(1, 4000) i;
    create schema shop;
    create table shop.a as select i from generate_series(1, 300) i;
    create table shop.b as select i from generate_series(1, 50) i;
    analyze public.orders; analyze public.few; analyze public."Odd.name"; analyze public.days_1; analyze shop.a; analyze shop.b;
    create function public.boom() returns int language plpgsql as 'begin raise exception ''it ran''; end';`);
  asked = await askCatalogue(target, { ageMsMax: 600_000 });
});
after(async () => {
  await asked?.close();
  await direct?.end();
  await target?.stop();
});
const estimate = async (sql: string): Promise<readonly string[]> =>
  asked.source.estimate((await asked.analyse(sql)).actions);

describe('row estimates', () => {
  for (const [sql, lines] of [
    ['drop table orders', ['public.orders: all of about 120,000 rows']],
    ['truncate orders, few', ['public.orders: all of about 120,000 rows', 'public.few: all of about 1 row']],
    ['delete from orders', ['public.orders: all of about 120,000 rows']],
    ['delete from orders where id = 7', ['public.orders: some of about 120,000 rows']],
    [
      'update orders set note = 1::text where id in (select n from few)',
      ['public.orders: some of about 120,000 rows'],
    ],
    ['drop table "Odd.name"', ['public.Odd.name: all of about 20 rows']],
    ['drop table days', ['public.days: all of about 4,000 rows']],
    ['drop schema shop cascade', ['shop: all of about 350 rows']],
    ['drop table never', []],
    ['drop table nowhere', []],
    ['drop view seen', []],
    ['select 1', []],
    ['select boom()', []],
  ] as const)
    it(sql, async () => {
      const found = await estimate(sql);
      for (const line of lines) assert.ok(found.includes(line), `${line}: ${JSON.stringify(found)}`);
      if (lines.length === 0) assert.deepEqual(found, []);
    });

  it('wait for no lock, and read nothing of the table', async () => {
    const other = new pg.Client({
      host: target.host,
      port: target.port,
      user: target.user,
      password: target.password,
      database: 'postgres',
    });
    await other.connect();
    await other.query('begin; lock table public.orders in access exclusive mode');
    try {
      assert.deepEqual(await estimate('truncate orders'), ['public.orders: all of about 120,000 rows']);
    } finally {
      await other.query('rollback');
      await other.end();
    }
  });

  it('say nothing where the target cannot be asked', async () => {
    const analysis = await asked.analyse('drop table few');
    await asked.close();
    assert.deepEqual(await asked.source.estimate(analysis.actions), []);
  });
});
