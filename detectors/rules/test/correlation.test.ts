import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FactValue, Finding } from '../../detector.ts';
import { BASE_TIME, caseView, makeCaseEvent } from '../case-event.ts';
import { ENTRIES_MAX, GROUPS_MAX, type CorrelationState } from '../sigma/correlation.ts';
import type { LoadedRule } from '../sigma/rule-detector.ts';
import { compileOne, DIRECTORY, errorsOf } from './support.ts';

const helper = (name: string): string => `title: ${name}
name: ${name}
logsource: { product: countersign }
detection:
  selection: { facts.step: ${name} }
  condition: selection
---
`;

const rule = (block: string, ...helpers: string[]): string =>
  `${helpers.map(helper).join('')}title: Correlation\nname: correlation\ncorrelation: { ${block} }\n`;

/** Feeds events `[seconds, step, facts?]` and gives the findings by event number, from 1. */
function feed(
  loaded: LoadedRule,
  events: readonly (readonly [number, string, Record<string, FactValue>?])[],
): { at: number[]; findings: Finding[]; state: unknown } {
  const { detector } = loaded;
  let state = detector.createState();
  const at: number[] = [];
  const findings: Finding[] = [];
  for (const [index, [seconds, step, facts]] of events.entries()) {
    const time = BASE_TIME + seconds * 1000;
    const view = caseView(makeCaseEvent({}, time, index + 1), { step, ...facts });
    const found = detector.onEvent(view, state, { now: time, mayLearn: true, directory: DIRECTORY });
    if (found.length > 0) at.push(index + 1);
    findings.push(...found);
    // What is written is what goes on.
    state = detector.decodeState(detector.encodeState(state));
  }
  return { at, findings, state };
}

describe('sigma: correlations', () => {
  it('counts events in a window and speaks once in a timespan', () => {
    const loaded = compileOne(
      rule('type: event_count, rules: [a], timespan: 60s, condition: { gte: 3 }', 'a'),
    );
    assert.deepEqual(
      feed(loaded, [
        [0, 'a'],
        [10, 'a'],
        [20, 'b'],
        [30, 'a'],
        [40, 'a'],
        [91, 'a'],
        [92, 'a'],
        [93, 'a'],
      ]).at,
      [4, 7],
    );
    assert.equal(
      feed(loaded, [
        [0, 'a'],
        [10, 'a'],
        [60, 'a'],
      ]).at.length,
      0,
    );
  });

  it('lists the events behind it', () => {
    const loaded = compileOne(
      rule('type: event_count, rules: [a], timespan: 60s, condition: { gte: 2 }', 'a'),
    );
    const { findings } = feed(loaded, [
      [0, 'a'],
      [1, 'x'],
      [2, 'a'],
    ]);
    assert.deepEqual(
      findings[0]?.evidence?.map((id) => Number(id.slice(-2))),
      [1, 3],
    );
  });

  it('puts late events where they belong, up to ten minutes', () => {
    const loaded = compileOne(
      rule('type: event_count, rules: [a], timespan: 60s, condition: { gte: 3 }', 'a'),
    );
    assert.deepEqual(
      feed(loaded, [
        [0, 'a'],
        [20, 'a'],
        [590, 'a'],
        [30, 'a'],
      ]).at,
      [4],
    );
    assert.deepEqual(
      feed(loaded, [
        [0, 'a'],
        [20, 'a'],
        [640, 'a'],
        [30, 'a'],
      ]).at,
      [],
    );
  });

  it('takes an event delivered twice once', () => {
    const loaded = compileOne(
      rule('type: event_count, rules: [a], timespan: 60s, condition: { gte: 2 }', 'a'),
    );
    const { detector } = loaded;
    const state = detector.createState();
    const view = caseView(makeCaseEvent({}, BASE_TIME, 1), { step: 'a' });
    const context = { now: BASE_TIME, mayLearn: true, directory: DIRECTORY };
    for (let i = 0; i < 5; i++) assert.equal(detector.onEvent(view, state, context).length, 0);
  });

  it('groups, and an event without the field belongs nowhere', () => {
    const loaded = compileOne(
      rule('type: event_count, rules: [a], group-by: [facts.g], timespan: 60s, condition: { gte: 2 }', 'a'),
    );
    assert.deepEqual(
      feed(loaded, [
        [0, 'a', { g: 'x' }],
        [1, 'a', { g: 'y' }],
        [2, 'a'],
        [3, 'a'],
        [4, 'a', { g: 'X' }],
      ]).at,
      [5],
    );
  });

  it('counts distinct values', () => {
    const loaded = compileOne(
      rule('type: value_count, rules: [a], timespan: 60s, condition: { field: facts.v, gt: 2 }', 'a'),
    );
    assert.deepEqual(
      feed(loaded, [
        [0, 'a', { v: 1 }],
        [1, 'a', { v: 2 }],
        [2, 'a', { v: 2 }],
        [3, 'a'],
        [4, 'a', { v: 3 }],
      ]).at,
      [5],
    );
  });

  for (const [type, more, values, fires] of [
    ['value_sum', '', [4, 5, 1], 3],
    ['value_avg', '', [1, 19], 2],
    ['value_median', '', [1, 30, 12], 3],
    ['value_percentile', 'percentile: 95, ', [1, 2, 30], 3],
  ] as const)
    it(`computes ${type}`, () => {
      const loaded = compileOne(
        rule(`type: ${type}, rules: [a], timespan: 60s, condition: { ${more}field: facts.v, gte: 10 }`, 'a'),
      );
      const { at } = feed(
        loaded,
        values.map((v, i) => [i, 'a', { v }] as const),
      );
      // The median of [1, 30] by nearest rank is 1.
      assert.deepEqual(at, [fires]);
    });

  it('wants all rules in any order, or in the order given', () => {
    const any = compileOne(rule('type: temporal, rules: [a, b, c], timespan: 60s', 'a', 'b', 'c'));
    const ordered = compileOne(
      rule('type: temporal_ordered, rules: [a, b, c], timespan: 60s', 'a', 'b', 'c'),
    );
    assert.deepEqual(
      feed(any, [
        [0, 'c'],
        [1, 'b'],
        [2, 'a'],
      ]).at,
      [3],
    );
    assert.deepEqual(
      feed(ordered, [
        [0, 'c'],
        [1, 'b'],
        [2, 'a'],
      ]).at,
      [],
    );
    assert.deepEqual(
      feed(ordered, [
        [0, 'b'],
        [1, 'a'],
        [2, 'b'],
        [3, 'a'],
        [4, 'c'],
      ]).at,
      [5],
    );
  });

  it('takes the same thing from differently named fields', () => {
    const block =
      'type: temporal, rules: [a, b], group-by: [who], timespan: 60s, aliases: { who: { a: facts.from, b: facts.to } }';
    const loaded = compileOne(rule(block, 'a', 'b'));
    assert.deepEqual(
      feed(loaded, [
        [0, 'a', { from: 'x' }],
        [1, 'b', { to: 'y' }],
        [2, 'b', { to: 'x' }],
      ]).at,
      [3],
    );
  });

  it('keeps its state within the bounds whatever comes', () => {
    const loaded = compileOne(
      rule(
        'type: value_count, rules: [a], group-by: [facts.g], timespan: 7d, condition: { field: facts.v, gte: 250 }',
        'a',
      ),
    );
    const { detector } = loaded;
    const state = detector.createState() as CorrelationState;
    const event = fc.tuple(
      fc.integer({ min: 0, max: 300 }),
      fc.string({ minLength: 150, maxLength: 200 }),
      fc.integer({ min: -900, max: 900 }),
    );
    let number = 0;
    for (const [g, v, shift] of fc.sample(event, { seed: 3, numRuns: 4000 })) {
      number++;
      const time = BASE_TIME + number * 1000 + shift * 1000;
      const view = caseView(makeCaseEvent({}, time, number), { step: 'a', g: number % 2 === 0 ? g : 1, v });
      detector.onEvent(view, state, { now: time, mayLearn: true, directory: DIRECTORY });
    }
    const total = [...state.groups.values()].reduce((sum, { entries }) => sum + entries.length, 0);
    assert.ok(total > 0 && total <= ENTRIES_MAX, `${total} entries`);
    assert.ok(state.groups.size <= GROUPS_MAX);
    assert.ok(detector.encodeState(state).length <= 256 * 1024);
    for (const { entries } of state.groups.values())
      assert.deepEqual(
        entries,
        entries.toSorted((a, b) => a.t - b.t),
      );
  });

  for (const [block, code] of [
    ['type: event_count, rules: [a], timespan: 60s, condition: { lt: 3 }', 'SIGMA_UNSUPPORTED'],
    ['type: event_count, rules: [a], timespan: 60s, condition: { gte: 100000 }', 'SIGMA_LIMIT'],
    ['type: event_count, rules: [a], timespan: 60s', 'SIGMA_INVALID'],
    ['type: event_count, rules: [nobody], timespan: 60s, condition: { gte: 3 }', 'SIGMA_REFERENCE'],
    ['type: value_count, rules: [a], timespan: 60s, condition: { gte: 3 }', 'SIGMA_INVALID'],
    ['type: event_count, rules: [a], timespan: 60x, condition: { gte: 3 }', 'SIGMA_INVALID'],
    ['type: event_count, rules: [a], timespan: 90d, condition: { gte: 3 }', 'SIGMA_LIMIT'],
    ['type: temporal, rules: [a], timespan: 60s', 'SIGMA_INVALID'],
    ['type: temporal, rules: [a, a], timespan: 60s, condition: a and a', 'SIGMA_UNSUPPORTED'],
    ['type: magic, rules: [a], timespan: 60s', 'SIGMA_UNSUPPORTED'],
    ['type: event_count, rules: [a], timespan: 60s, condition: { gte: 3 }, window: 3', 'SIGMA_INVALID'],
    ['type: event_count, rules: [correlation], timespan: 60s, condition: { gte: 3 }', 'SIGMA_UNSUPPORTED'],
  ] as const)
    it(`refuses ${block}`, () => assert.equal(errorsOf(rule(block, 'a'))[0]?.code, code));
});
