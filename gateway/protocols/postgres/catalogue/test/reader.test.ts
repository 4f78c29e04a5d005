/** How old what is known may be, what a session makes itself, and what becomes of commands when the target cannot be asked. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import pg from 'pg';
import { createManualClock } from '../../../../../platform/clock/manual-clock.ts';
import { startPostgres, type TestPostgres } from '../../../../../test/servers/postgres.ts';
import { connectDirectly } from '../../../../../test/servers/postgres-client.ts';
import type { CatalogueLink, LinkFailure } from '../link.ts';
import { askCatalogue, SETTINGS, summary, type Asked } from './catalogue-of.ts';

let target: TestPostgres;
let direct: pg.Client;
before(async () => {
  target = await startPostgres();
  direct = await connectDirectly(target);
});
after(async () => {
  await direct?.end();
  await target?.stop();
});
const address = (): { host: string; port: number } => ({ host: target.host, port: target.port });
beforeEach(() =>
  direct.query(`
    drop schema if exists app, mine, closed cascade;
    drop table if exists public.plain, public.secrets, public.late cascade;
    drop function if exists public.changes, public.fresh;
    drop role if exists catalogue_user;
    create role catalogue_user login;
    create table public.plain (id int); create table public.secrets (id int);
    create function public.changes() returns void language sql as 'select 1';`),
);

async function withCatalogue(
  options: Parameters<typeof askCatalogue>[1],
  work: (asked: Asked) => Promise<void>,
): Promise<void> {
  const asked = await askCatalogue(target, options);
  try {
    await work(asked);
  } finally {
    await asked.close();
  }
}

describe('catalogue: age', () => {
  it('a change of another session is seen when what is known is too old, and not before: that is the window', async () => {
    const clock = createManualClock();
    // The reader's own clock stands still; its connection is real.
    await withCatalogue({ clock, ageMsMax: 1000 }, async (asked) => {
      assert.deepEqual(summary(await asked.analyse('select changes()')), ['execute public.changes']);
      await direct.query(
        `create or replace function public.changes() returns void language sql as 'delete from public.secrets'`,
      );
      assert.deepEqual(summary(await asked.analyse('select changes()')), ['execute public.changes']);
      clock.advance(1000);
      assert.deepEqual(summary(await asked.analyse('select changes()')), [
        'delete public.secrets!',
        'execute public.changes',
      ]);
    });
  });

  it('what passed the gateway is seen by the next command, whatever the age', async () => {
    await withCatalogue({ ageMsMax: 600_000 }, async (asked) => {
      const session = asked.session();
      assert.deepEqual(summary(await asked.analyse('table plain', SETTINGS, session)), [
        'read public.plain!',
      ]);
      await direct.query('alter table plain rename to old; create view plain as table secrets');
      session.catalogueTouched();
      session.transactionEnded();
      const other = asked.session();
      assert.deepEqual(summary(await asked.analyse('table plain', SETTINGS, other)), [
        'read public.plain!',
        'read public.secrets!',
      ]);
      await direct.query('drop view plain; alter table old rename to plain');
    });
  });

  it('an analysis is for its catalogue: a prepared statement is looked at again', async () => {
    await withCatalogue({ ageMsMax: 600_000 }, async (asked) => {
      const session = asked.session();
      await asked.analyse('select changes()', SETTINGS, session);
      const state = session.state;
      assert.equal(session.state, state);
      session.catalogueTouched();
      assert.equal(session.state, state, 'nothing has been committed');
      session.transactionEnded();
      assert.notEqual(session.state, state, 'nobody has looked since');
      await asked.analyse('select 1', SETTINGS, session);
      assert.equal(session.state, state, 'it has not changed after all');
    });
  });

  it('only what changed is read again', async () => {
    await withCatalogue({ ageMsMax: 600_000 }, async (asked) => {
      await asked.analyse('table plain');
      const { changed } = asked.told.reads;
      for (const sql of [
        'insert into plain select generate_series(1, 1000)',
        'analyze plain',
        'truncate plain',
        'create temp table fleeting (id int primary key, d int default 1 check (d > 0)); drop table fleeting',
      ]) {
        await direct.query(sql);
        asked.source.touched();
        await asked.analyse('table plain');
        assert.equal(asked.told.reads['changed'], changed, sql);
      }
      for (const sql of [
        'alter table plain add column more int default 5',
        'create rule r as on insert to plain do nothing',
        'create index on plain (id)',
        'alter table plain enable row level security',
        'create policy p on plain using (true)',
        'create function fresh() returns int language sql return 1',
        `create or replace function fresh() returns int language sql return 2`,
      ]) {
        const before = asked.told.reads['changed']!;
        await direct.query(sql);
        asked.source.touched();
        await asked.analyse('table plain');
        assert.equal(asked.told.reads['changed'], before + 1, sql);
      }
    });
  });

  it('a name that nobody knows is asked for again', async () => {
    const clock = createManualClock();
    await withCatalogue({ clock, ageMsMax: 600_000 }, async (asked) => {
      assert.ok(summary(await asked.analyse('table late')).includes('opaque_code public.late'));
      await direct.query('create table late (id int)');
      clock.advance(200);
      assert.deepEqual(summary(await asked.analyse('table late')), ['read public.late!']);
    });
  });
});

describe('catalogue: paths', () => {
  it('a name is the first of its path that the user may look into', async () => {
    await direct.query(`
      create schema app; create schema closed; create schema catalogue_user;
      create table app.plain (id int); create table closed.plain (id int); create table catalogue_user.secrets (id int);
      grant usage on schema app, catalogue_user to catalogue_user;`);
    await withCatalogue({ user: 'catalogue_user' }, async (asked) => {
      const under = async (searchPath: string | null, sql: string, role = 'none'): Promise<string[]> =>
        summary(await asked.analyse(sql, { ...SETTINGS, searchPath, role }));
      assert.deepEqual(await under('app, public', 'table plain'), ['read app.plain!']);
      assert.deepEqual(await under('closed, app, public', 'table plain'), ['read app.plain!']);
      assert.deepEqual(await under('nowhere, public', 'table plain'), ['read public.plain!']);
      assert.deepEqual(await under('"$user", public', 'table secrets'), ['read catalogue_user.secrets!']);
      assert.deepEqual(await under('public', 'table app.plain'), ['read app.plain!']);
      // As another role: whoever that may look into.
      assert.deepEqual(await under('closed, app', 'table plain', 'other'), [
        'read app.plain!',
        'read closed.plain!',
      ]);
      // Not known: any.
      assert.deepEqual(await under(null, 'table secrets'), [
        'read catalogue_user.secrets!',
        'read public.secrets!',
      ]);
      // A path that may never come to be.
      assert.deepEqual(
        await under('public', "select set_config('search_path', 'app', false) where false; table plain"),
        ['read app.plain!', 'read public.plain!', 'set search_path'],
      );
      // An account of a grant: nobody has looked what it may.
      const path = { ...SETTINGS, searchPath: 'closed, app' };
      assert.deepEqual(summary(await asked.analyse('table plain', path, asked.session(true, false))), [
        'read app.plain!',
        'read closed.plain!',
      ]);
      const session = asked.session();
      await asked.analyse('set session authorization somebody', SETTINGS, session);
      assert.deepEqual(summary(await asked.analyse('table secrets', SETTINGS, session)), [
        'read catalogue_user.secrets!',
        'read public.secrets!',
      ]);
    });
    await direct.query('drop schema catalogue_user cascade; drop owned by catalogue_user');
  });
});

describe('catalogue: what a session makes', () => {
  it('is known to it before others see it, and to nobody else', async () => {
    await withCatalogue({}, async (asked) => {
      const session = asked.session();
      const mine = async (sql: string): Promise<string[]> =>
        summary(await asked.analyse(sql, SETTINGS, session));
      await mine('begin; create table mine_t (id int)');
      assert.deepEqual(await mine('insert into mine_t values (1)'), ['write public.mine_t']);
      await mine('create view mine_v as select * from secrets where id = 1');
      assert.deepEqual(await mine('table mine_v'), ['read public.mine_v!', 'read public.secrets']);
      await mine(`create function mine_f(int) returns void language sql as 'delete from plain'`);
      assert.deepEqual(await mine('select mine_f(1)'), ['delete public.plain!', 'execute public.mine_f']);
      await mine(
        `create function mine_d() returns void language plpgsql as $$ begin execute 'drop ' || 'table plain'; end $$`,
      );
      assert.ok((await mine('select mine_d()')).includes('opaque_code public.mine_d'));
      const other = await asked.analyse('table mine_v', SETTINGS, asked.session());
      assert.ok(summary(other).includes('opaque_code public.mine_v'));
    });
  });

  it('is known in the same string', async () => {
    await withCatalogue({}, async (asked) => {
      const sql = `create table mine_t (a int); insert into mine_t values (1); create temp table mine_u (a int); table mine_u;
        create function mine_f() returns void language sql as 'delete from plain where id = 1'; select mine_f()`;
      assert.deepEqual(
        summary(await asked.analyse(sql)).filter((one) => one.startsWith('opaque')),
        [],
      );
      const block = `do $$ begin create temp table mine_w (a int); insert into mine_w values (1); end $$`;
      assert.deepEqual(summary(await asked.analyse(block)), [
        'create pg_temp.mine_w',
        'session -',
        'write public.mine_w',
      ]);
    });
  });

  it('temporary objects are both, where they hide another', async () => {
    await withCatalogue({}, async (asked) => {
      const session = asked.session();
      const mine = async (sql: string): Promise<string[]> =>
        summary(await asked.analyse(sql, SETTINGS, session));
      await mine('create temp table only_mine (id int)');
      assert.deepEqual(await mine('table only_mine'), ['read pg_temp.only_mine!']);
      assert.deepEqual(await mine('table pg_temp.only_mine'), ['read pg_temp.only_mine!']);
      await mine('create temp view plain as select rolpassword from pg_authid');
      assert.deepEqual(await mine('table plain'), [
        'read pg_catalog.pg_authid!',
        'read pg_temp.plain!',
        'read public.plain!',
      ]);
    });
  });
});

describe('catalogue: long commands', () => {
  it('ask from their thread', async () => {
    await direct.query('create view late as table secrets');
    await withCatalogue({ config: { directLengthMax: 200 } }, async (asked) => {
      const filler = ` or id in (${Array.from({ length: 200 }, (_, n) => n).join(',')})`;
      const long = await asked.analyse(`select changes() from late where id = 1${filler}`);
      assert.deepEqual(summary(long), ['execute public.changes', 'read public.late', 'read public.secrets']);
      const unknown = await asked.analyse(`select 1 from nowhere where id = 1${filler}`);
      assert.ok(summary(unknown).includes('opaque_code public.nowhere'));
    });
    await direct.query('drop view late');
  });
});

describe('catalogue: away', () => {
  it('machines are refused with a code of its own, people are not; and it comes back', async () => {
    const clock = createManualClock();
    await withCatalogue({ clock, ageMsMax: 1000 }, async (asked) => {
      const right = asked.address;
      await asked.analyse('table plain');
      asked.address = { host: '127.0.0.1', port: 1 };
      await direct.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where query like '/* countersign */%'`,
      );
      clock.advance(1000);
      const machine = await asked.analyse('table plain', SETTINGS, asked.session(true));
      assert.equal(machine.forcedDenial?.rule, 'POSTGRES_CATALOGUE_AWAY');
      assert.equal(machine.risk, 'high');
      const person = await asked.analyse('table plain', SETTINGS, asked.session(false));
      assert.equal(person.forcedDenial, null);
      assert.deepEqual(summary(person), ['opaque_code cannot be read', 'read public.plain!']);
      for (const sql of ['begin', 'rollback', 'select 1', ''])
        assert.equal((await asked.analyse(sql)).forcedDenial, null, sql);
      for (const sql of ['select 1 === 2', "select 'x'::odd", 'do $$ begin perform 1; end $$'])
        assert.equal((await asked.analyse(sql)).forcedDenial?.rule, 'POSTGRES_CATALOGUE_AWAY', sql);
      assert.equal(asked.told.away, 1);
      assert.equal(
        asked.told.lines.filter((line) => line === 'the catalogue of a target cannot be read').length,
        1,
      );
      asked.address = right;
      clock.advance(1000);
      const again = await asked.analyse('table plain');
      assert.deepEqual([again.forcedDenial, summary(again)], [null, ['read public.plain!']]);
      assert.equal(asked.told.away, 0);
    });
  });

  it('what changes beneath a question is asked again at once', async () => {
    const failures: LinkFailure[] = [];
    const between = (link: CatalogueLink): CatalogueLink => ({
      ...link,
      async run(statements) {
        const failure = failures.shift();
        return failure === undefined ? link.run(statements) : { ok: false, reason: 'as told', failure };
      },
    });
    const gone: LinkFailure = { kind: 'error', sqlState: 'XX000' };
    await direct.query('create view late as table secrets');
    await withCatalogue({ between }, async (asked) => {
      failures.push(gone, { kind: 'cut' });
      assert.deepEqual(summary(await asked.analyse('table plain')), ['read public.plain!']);
      failures.push({ kind: 'cut' }, gone);
      assert.deepEqual(summary(await asked.analyse('table late')), [
        'read public.late!',
        'read public.secrets!',
      ]);
      assert.deepEqual(failures, []);
      assert.equal(asked.told.reads['failed'], undefined);
    });
    await withCatalogue({ between }, async (asked) => {
      failures.push(gone, gone, gone);
      assert.equal((await asked.analyse('table plain')).forcedDenial?.rule, 'POSTGRES_CATALOGUE_AWAY');
      assert.equal(asked.told.away, 1);
    });
    await direct.query('drop view late');
  });

  it('a definition that cannot be read refuses the command that needs it, and no other', async () => {
    const clock = createManualClock();
    let isBroken = true;
    const between = (link: CatalogueLink): CatalogueLink => ({
      ...link,
      run: async (statements) =>
        isBroken && statements.some((sql) => sql.includes('pg_get_viewdef'))
          ? { ok: false, reason: 'as told', failure: { kind: 'error', sqlState: 'XX000' } }
          : link.run(statements),
    });
    await direct.query('create view late as table secrets');
    await withCatalogue({ clock, ageMsMax: 100, between }, async (asked) => {
      assert.equal((await asked.analyse('table late')).forcedDenial?.rule, 'POSTGRES_CATALOGUE_AWAY');
      isBroken = false;
      clock.advance(100);
      assert.deepEqual(summary(await asked.analyse('table plain')), ['read public.plain!']);
      assert.equal(asked.told.away, 0);
    });
    await direct.query('drop view late');
  });

  it('a definition that is locked is as if it were away', async () => {
    await direct.query('create view late as table secrets');
    const locker = new pg.Client({
      ...address(),
      user: target.user,
      password: target.password,
      database: 'postgres',
    });
    await locker.connect();
    await locker.query('begin; lock table secrets in access exclusive mode');
    await withCatalogue({}, async (asked) => {
      assert.equal((await asked.analyse('table late')).forcedDenial?.rule, 'POSTGRES_CATALOGUE_AWAY');
      await locker.query('rollback');
      assert.deepEqual(summary(await asked.analyse('table late')), [
        'read public.late!',
        'read public.secrets!',
      ]);
    });
    await locker.end();
    await direct.query('drop view late');
  });
});
