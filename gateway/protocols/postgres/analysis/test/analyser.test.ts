import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createManualClock } from '../../../../../platform/clock/manual-clock.ts';
import type { SessionSettings, StatementAnalysis } from '../analyser.ts';
import { ANALYSER_DEFAULTS } from '../analyser-config.ts';
import { createAnalyser, type OwnedAnalyser } from '../create-analyser.ts';
import { ACCESS, CALLS, DEFINITIONS, FORBIDDEN, READS, WRITES } from './statements.ts';

const SETTINGS: SessionSettings = {
  searchPath: null,
  role: null,
  standardConformingStrings: true,
  clientEncoding: 'UTF8',
};
const hmac = (secret: string | Uint8Array): Buffer =>
  createHmac('sha256', 'key of the tests').update(secret).digest();

let analyser: OwnedAnalyser;
before(async () => {
  analyser = await createAnalyser({ clock: createManualClock(), hmac });
});
after(() => analyser.close());

function analyse(sql: string, settings = SETTINGS, session = analyser.createSession()): StatementAnalysis {
  const result = analyser.analyse(sql, settings, session);
  assert.ok(!(result instanceof Promise), 'short statements are analysed at once');
  return result;
}

function summary(analysis: StatementAnalysis): string[] {
  return analysis.actions
    .map((one) => `${one.action} ${one.object ?? '-'}${one.whole ? '!' : ''}`)
    .toSorted();
}

for (const [name, cases] of Object.entries({ READS, WRITES, DEFINITIONS, ACCESS, CALLS, FORBIDDEN })) {
  describe(`analysis: ${name.toLowerCase()}`, () => {
    for (const { sql, risk, expect, forbidden } of cases) {
      it(sql === '' ? '(empty)' : sql, () => {
        const analysis = analyse(sql);
        assert.deepEqual(summary(analysis), expect.toSorted());
        assert.equal(analysis.risk, risk);
        assert.equal(analysis.forcedDenial?.rule, forbidden);
      });
    }
  });
}

describe('analysis: sessions and settings', () => {
  it('resolves EXECUTE through the session, and only through that one', () => {
    const session = analyser.createSession();
    assert.deepEqual(summary(analyse('prepare p as delete from orders', SETTINGS, session)), [
      'delete public.orders!',
    ]);
    assert.deepEqual(summary(analyse('execute p', SETTINGS, session)), ['delete public.orders!']);
    assert.deepEqual(summary(analyse('explain analyze execute p', SETTINGS, session)), [
      'delete public.orders!',
    ]);
    assert.deepEqual(summary(analyse('create table x as execute p', SETTINGS, session)), [
      'create public.x',
      'delete public.orders!',
    ]);
    assert.deepEqual(summary(analyse('execute p')), ['opaque_code p']);
  });

  it('takes a prepared name for everything it may stand for', () => {
    const session = analyser.createSession();
    analyse('prepare p as delete from orders', SETTINGS, session);
    analyse('deallocate p', SETTINGS, session);
    analyse('prepare p as select 1', SETTINGS, session);
    assert.deepEqual(summary(analyse('execute p', SETTINGS, session)), ['delete public.orders!']);
  });

  it('resolves within one string', () => {
    assert.deepEqual(summary(analyse('prepare q as delete from orders; execute q')), [
      'delete public.orders!',
    ]);
  });

  it('resolves unqualified names by the search path', () => {
    const settings = { ...SETTINGS, searchPath: '"$user", "Sales", public' };
    // Which of them has it only the target knows: the command counts as touching both.
    assert.deepEqual(summary(analyse('select * from orders where id=1', settings)), [
      'read Sales.orders',
      'read public.orders',
    ]);
    assert.deepEqual(summary(analyse('select * from pg_authid', settings)), ['read pg_catalog.pg_authid!']);
  });

  it('resolves by a search path that is set in the same string', () => {
    assert.deepEqual(summary(analyse('set search_path to "Evil", public; select * from orders where id=1')), [
      'read Evil.orders',
      'read public.orders',
      'set search_path',
    ]);
    assert.deepEqual(
      summary(analyse("select set_config('search_path', 'evil', true); delete from orders where id=1")),
      ['delete evil.orders', 'delete public.orders', 'set search_path'],
    );
  });

  it('takes a function for built in only where pg_catalog is searched first', () => {
    const settings = { ...SETTINGS, searchPath: 'evil, pg_catalog' };
    assert.deepEqual(summary(analyse('select lower($1)', settings)), ['execute evil.lower']);
    assert.deepEqual(summary(analyse('select pg_catalog.lower($1)', settings)), []);
    assert.deepEqual(summary(analyse('select * from pg_class limit 1', settings)), [
      'read evil.pg_class',
      'read pg_catalog.pg_class',
    ]);
  });

  it('is opaque where backslashes may mean something else', () => {
    const settings = { ...SETTINGS, standardConformingStrings: false };
    assert.equal(analyse("select 'a\\'", settings).actions[0]?.action, 'opaque_code');
    assert.deepEqual(summary(analyse("select 'a' from orders where id=1", settings)), ['read public.orders']);
  });

  it('says what may change the state of the session', () => {
    for (const sql of [
      'set search_path to a',
      'set role x',
      'reset all',
      'discard all',
      'rollback',
      'do $$begin execute x; end$$',
      "do $$begin perform set_config('role', 'x', false); end$$",
      'select f()',
      'set names utf8',
    ]) {
      assert.equal(analyse(sql).changesSessionState, true, sql);
    }
    for (const sql of ['select 1', 'set work_mem to 100', 'begin', 'insert into t values (1)']) {
      assert.equal(analyse(sql).changesSessionState, false, sql);
    }
  });

  it('counts statements and gives one fingerprint for one shape', () => {
    assert.equal(analyse('select 1; select 2').statements, 2);
    const one = analyse('select * from fp where id = 1').fingerprint;
    assert.match(one ?? '', /^[0-9a-f]{16}$/);
    assert.equal(analyse('SELECT * FROM fp WHERE id = 27 -- x').fingerprint, one);
    assert.notEqual(analyse('select * from fq where id = 1').fingerprint, one);
  });

  it('never throws, whatever the text', async () => {
    for (const sql of [
      '\0',
      'select \0',
      `select ${'f('.repeat(3000)}1${')'.repeat(3000)}`,
      `select a ${'is null '.repeat(1900)}`,
      `select ${'-'.repeat(1)}${'- '.repeat(900)}1`,
      "'",
      '"',
      '$$',
      '/*',
      '((((',
      '\ud800',
      `select ${'('.repeat(8000)}1`,
      `select ${'1+'.repeat(8000)}1`,
      `select ${'not '.repeat(4000)}true`,
      'select __proto__ from constructor where id=1',
    ]) {
      const analysis = await analyser.analyse(sql, SETTINGS, analyser.createSession());
      assert.ok(analysis.statements >= 1, sql.slice(0, 20));
    }
    assert.deepEqual(summary(analyse('select 1 from still_works where id=1')), ['read public.still_works']);
  });

  it('analyses long statements on a thread, with the same outcome', async () => {
    const rows = Array.from({ length: 5000 }, (_, index) => `(${index}, 'abc')`).join(',');
    const analysis = await analyser.analyse(
      `with d as (delete from a) insert into t values ${rows}`,
      SETTINGS,
      analyser.createSession(),
    );
    assert.deepEqual(summary(analysis), ['delete public.a!', 'write public.t']);
  });

  it('is opaque where the thread does not come to an end in time', async () => {
    const clock = createManualClock();
    const slow = await createAnalyser({ clock, hmac }, { ...ANALYSER_DEFAULTS, directLengthMax: 1 });
    const pending = slow.analyse('select * from orders', SETTINGS, slow.createSession());
    clock.advance(ANALYSER_DEFAULTS.deadlineMs);
    const analysis = await pending;
    assert.equal(analysis.actions[0]?.action, 'opaque_code');
    await slow.close();
  });
});

describe('analysis: secrets', () => {
  const SECRET = 'S3cretWord';
  const texts = [
    `alter role x password '${SECRET}'`,
    `alter role x password'${SECRET}'`,
    `ALTER USER x WITH ENCRYPTED PASSWORD E'${SECRET}'`,
    `alter role x password $$${SECRET}$$`,
    `alter role x password $a$${SECRET}$a$`,
    `alter role x password U&'${SECRET}'`,
    `alter role x password U&'!0041${SECRET}' uescape '!'`,
    `select 1; create user y login password '${SECRET}' superuser; select 2`,
    `create user mapping for x server s options (user 'u', password '${SECRET}')`,
    `alter user mapping for x server s options (set password '${SECRET}')`,
    `create server s foreign data wrapper w options (anything '${SECRET}')`,
    `create subscription s connection 'host=h password=${SECRET}' publication p`,
    `alter subscription s connection 'host=h password=${SECRET}'`,
    `select dblink_connect('host=h password=${SECRET}')`,
    `select dblink_connect('c', 'host=h ' || 'pass' || 'word=${SECRET}')`,
    `select * from dblink('postgresql://u:${SECRET}@h/d', 'select 1') as t(a int)`,
    `do $$begin alter role x password '${SECRET}'; end$$`,
    `do 'begin alter role x password ''${SECRET}''; end'`,
    `create function f() returns void language sql as 'alter role x password ''${SECRET}'''`,
    `create function f() returns void language plpgsql as $$begin execute 'alter role x password ''${SECRET}'''; end$$`,
    `explain select dblink_connect('password=${SECRET}')`,
    `alter role x password '${SECRET}`,
    `alter role x passwort password '${SECRET}' this does not parse`,
    `nonsense password $x$${SECRET}$x$`,
    `nonsense password $x$${SECRET}`,
    `select * from t where password = '${SECRET}'`,
    `select set_config('app.api_key', '${SECRET}', false)`,
    `select 'https://user:${SECRET}@host/'`,
    `set app.secret = '${SECRET}'`,
    `copy t to program 'psql "host=h password=${SECRET}"'`,
    `copy t from program 'curl https://u:${SECRET}@h/'`,
    `/* password '${SECRET}' */ select 1`,
  ];
  for (const sql of texts) {
    it(`lifts: ${sql}`, () => {
      for (let round = 0; round < 2; round++) {
        const analysis = analyse(sql);
        assert.ok(!analysis.text.includes(SECRET), analysis.text);
        assert.ok(!JSON.stringify(analysis.actions).includes(SECRET));
        assert.equal(analysis.secretsLifted, true);
        assert.match(analysis.text, /hmac:[0-9a-f]{12}/);
      }
    });
  }

  it('gives the same digest for the same secret, and leaves the rest as it was', () => {
    const digest = hmac(SECRET).toString('hex').slice(0, 12);
    assert.equal(analyse(`alter role x password '${SECRET}'`).text, `alter role x password 'hmac:${digest}'`);
    const plain = "select 'é', * from t where note = 'x' -- done";
    assert.deepEqual([analyse(plain).text, analyse(plain).secretsLifted], [plain, false]);
  });

  it('lifts a secret that comes in place of a harmless literal of a known shape', () => {
    analyse("select * from notes where note = 'harmless'");
    const analysis = analyse(`select * from notes where note = 'x password=${SECRET}'`);
    assert.ok(!analysis.text.includes(SECRET));
  });
});
