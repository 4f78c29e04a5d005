import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { createManualClock } from '../../../../../platform/clock/manual-clock.ts';
import type { SessionSettings, StatementAnalysis } from '../analyser.ts';
import { ANALYSER_DEFAULTS } from '../analyser-config.ts';
import { createAnalyser, type OwnedAnalyser } from '../create-analyser.ts';
import { createShapeCache, type CachedAnalysis } from '../shape-cache.ts';
import { shapeOf } from '../tokenizer.ts';
import { ACCESS, CALLS, DEFINITIONS, FORBIDDEN, READS, WRITES } from './statements.ts';

const SETTINGS: SessionSettings = {
  searchPath: null,
  role: null,
  standardConformingStrings: true,
  clientEncoding: 'UTF8',
};
const hmac = (secret: string | Uint8Array): Buffer => createHmac('sha256', 'key').update(secret).digest();

let cached: OwnedAnalyser;
let fresh: OwnedAnalyser;
before(async () => {
  const clock = createManualClock();
  cached = await createAnalyser({ clock, hmac });
  fresh = await createAnalyser({ clock, hmac }, { ...ANALYSER_DEFAULTS, cachedLengthMax: 0 });
});
after(async () => {
  await cached.close();
  await fresh.close();
});

function analyse(by: OwnedAnalyser, sql: string, settings = SETTINGS): StatementAnalysis {
  const result = by.analyse(sql, settings, by.createSession());
  assert.ok(!(result instanceof Promise));
  return result;
}

/** Templates with places for literals; the values are such as change meaning in some of them. */
const TEMPLATES = [
  'select * from orders where id = ?',
  'select * from orders where ? = ?',
  'select * from orders where id = ? or ? = ?',
  'select * from orders where name like ?',
  'select * from orders limit ?',
  'select * from orders where id in (?, ?) order by ? offset ?',
  'select * from orders where id between ? and ? limit ?',
  'select set_config(?, ?, false)',
  'select set_config(?, ?, false), * from orders where id = ?',
  'select pg_read_file(?)',
  'select lo_export(?, ?)',
  'select query_to_xml(?, true, true, ?)',
  'select f(?, ?), nextval(?), ?::int, interval ?',
  'set role ?',
  'set client_encoding to ?',
  'set search_path to ?, ?',
  'set work_mem to ?',
  'insert into t values (?, ?), (?, ?) returning ?',
  'insert into "T é" (a) values (?) on conflict do nothing',
  'update t set a = ? where b = ?',
  'update t set a = ? where ? = ?',
  'delete from t where a = ? and b like ?',
  'delete from t using u where u.a = ? limit ?',
  'copy t to ?',
  'copy (select ? from t where a = ?) to program ?',
  'alter system set log_statement to ?',
  'create table x (a varchar(?) default ?)',
  'prepare p as select ?; execute p',
  'with d as (delete from t where a = ? returning ?) select * from d where b = ?',
  'select ? as é, a from t where é = ?; select * from u where x = ?',
  "select 'a' ? from t",
  'select x.y, 1e5, ? from t where $1 = ?',
  'select -?, +?, a-? from t where b[?] = ?',
  'load ?',
  'notify c, ?',
  'comment on table t is ?',
];

const plain = fc.oneof(
  fc.nat({ max: 999 }).map(String),
  fc.nat({ max: 99 }).map((value) => `'n${value}'`),
);
const odd = fc.oneof(
  fc.constantFrom(
    "'role'",
    "'client_encoding'",
    "'SJIS'",
    "'search_path'",
    "'none'",
    "'%'",
    "'%%'",
    "''",
    "'a''b'",
    "'é😀'",
    "'delete from t'",
    "'x password=y'",
    "'client_connection_check_interval'",
    "'/tmp/x'",
    "'\\'",
    '$$x$$',
    "E'a\\'b'",
    "U&'\\0061'",
    'null',
    'true',
    '$1',
    'a',
    '.5',
    '1.',
    '1e3',
    '0x1F',
    '1_000',
  ),
  fc.nat().map(String),
  fc.double({ min: 0, max: 1e9, noNaN: true }).map((value) => value.toFixed(2)),
  fc.string({ maxLength: 8 }).map((text) => `'${text.replaceAll("'", "''").replaceAll('\0', '')}'`),
);

const literal = fc.oneof({ arbitrary: plain, weight: 4 }, { arbitrary: odd, weight: 1 });

const statement = fc
  .record({
    template: fc.constantFrom(...TEMPLATES),
    literals: fc.array(literal, { minLength: 6, maxLength: 6 }),
  })
  .map(({ template, literals }) => {
    let next = 0;
    return template.replace(/\?/g, () => literals[next++ % literals.length]!);
  });

const otherSettings = fc.record({
  searchPath: fc.constantFrom(null, 'public', 'sales, public'),
  role: fc.constantFrom(null, 'a'),
  standardConformingStrings: fc.boolean(),
  clientEncoding: fc.constantFrom('UTF8', 'LATIN1'),
});
const anySettings = fc.oneof(
  { arbitrary: fc.constant(SETTINGS), weight: 8 },
  { arbitrary: otherSettings, weight: 1 },
);

describe('shape cache', () => {
  it('answers as a fresh analysis does, over many statements of the same shapes', () => {
    fc.assert(
      fc.property(statement, anySettings, (sql, settings) => {
        assert.deepEqual(analyse(cached, sql, settings), analyse(fresh, sql, settings));
      }),
      { numRuns: 4000, seed: 20_261_124 },
    );
    assert.ok(cached.cache.hits > 800, `${cached.cache.hits} hits`);
    assert.equal(fresh.cache.hits, 0);
  });

  it('answers the same the second time, for every statement of the suite', () => {
    for (const { sql } of [READS, WRITES, DEFINITIONS, ACCESS, CALLS, FORBIDDEN].flat()) {
      assert.deepEqual(analyse(cached, sql), analyse(cached, sql), sql);
      assert.deepEqual(analyse(cached, sql), analyse(fresh, sql), sql);
    }
  });

  it('knows a shape again with other free literals', () => {
    const before = cached.cache.hits;
    for (let id = 0; id < 50; id++)
      analyse(cached, `select once from known_again where id = ${id} and n = 'n${id}'`);
    assert.equal(cached.cache.hits, before + 49);
  });

  it('keeps values that change the meaning', () => {
    assert.equal(analyse(cached, 'select * from lim limit 10').risk, 'low');
    assert.equal(analyse(cached, 'select * from lim limit 1000000000').risk, 'medium');
    assert.equal(analyse(cached, "select set_config('app.a', 'x', false)").risk, 'low');
    assert.equal(analyse(cached, "select set_config('role', 'x', false)").risk, 'high');
  });

  it('holds at most so many shapes and variants', () => {
    const cache = createShapeCache({ shapesMax: 10, variantsPerShapeMax: 4 });
    const analysis = { statements: 1 } as CachedAnalysis;
    for (let n = 0; n < 100; n++) cache.keep('', shapeOf(`select a${n}`)!, [], analysis);
    assert.equal(cache.size, 10);
    for (let n = 0; n < 100; n++) cache.keep('', shapeOf(`select ${n}`)!, [0], analysis);
    let known = 0;
    for (let n = 0; n < 100; n++) if (cache.find('', shapeOf(`select ${n}`)!) !== undefined) known += 1;
    assert.ok(known >= 1 && known <= 4);
  });
});

describe('tokenizer', () => {
  it('leaves to the parser what it is not sure of', () => {
    for (const sql of [
      "select E'a'",
      "select U&'a'",
      'select U&"a"',
      "select B'1'",
      'select $$a$$',
      'select $a$b$a$',
      'select 1 -- a',
      'select /* a */ 1',
      "select 'a\\b'",
      "select 'a",
      'select "a',
      'select .5',
      'select 1.',
      'select 1e5',
      'select 1_0',
      'select 0x1',
      'select 1a',

      "select 'a''",
      'a$b',
      '\u0001',
    ]) {
      assert.equal(shapeOf(sql), undefined, sql);
    }
  });

  it('lifts plain literals only', () => {
    assert.deepEqual(shapeOf(`select "it's 5", a1, 'x''y', 12.50, $1 from t where b>=-3`)?.literals, [
      "'x''y'",
      '12.50',
      '3',
    ]);
  });
});
