import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogHistogram, learnValue, quantileOf } from '../baselines/support/log-histogram.ts';
import { decodeJsonState, encodeJsonState } from '../baselines/support/json-state.ts';
import { forgetRecent, isNew, learnItem, type KnownItems } from '../baselines/support/known-items.ts';
import { createEventView } from '../engine/event-view.ts';
import { localTime } from '../engine/local-time.ts';
import { networkName } from '../engine/network-name.ts';
import { attackedHistory } from './support/history.ts';

const HOUR_MS = 3_600_000;

describe('detectors: primitives', () => {
  it('networks; what is no address stands for itself', () => {
    assert.equal(networkName('203.0.113.9'), '203.0.113.0/24');
    assert.equal(networkName('build-agent-7'), 'build-agent-7');
    assert.equal(networkName('x'.repeat(1000)).length, 64);
  });

  it('local time across a change of the clocks', () => {
    assert.deepEqual(localTime('Europe/Berlin', Date.UTC(2026, 2, 29, 0, 59)), {
      hour: 1,
      minute: 59,
      weekday: 7,
    });
    assert.deepEqual(localTime('Europe/Berlin', Date.UTC(2026, 2, 29, 1, 0)), {
      hour: 3,
      minute: 0,
      weekday: 7,
    });
    assert.deepEqual(localTime('Asia/Kolkata', Date.UTC(2026, 0, 5, 20, 40)), {
      hour: 2,
      minute: 10,
      weekday: 2,
    });
    assert.deepEqual(localTime('no/zone', Date.UTC(2026, 0, 5, 20, 40)), {
      hour: 20,
      minute: 40,
      weekday: 1,
    });
  });

  it('quantiles within a quarter octave, fading', () => {
    const histogram = createLogHistogram();
    for (let value = 1; value <= 1000; value += 1) learnValue(histogram, value, 1);
    const median = quantileOf(histogram, 0.5)!;
    assert.ok(median > 420 && median < 600, String(median));
    for (let day = 1; day < 200; day += 1) learnValue(histogram, 8, 1 + day * 24 * HOUR_MS);
    assert.ok(quantileOf(histogram, 0.5)! < 10);
    assert.ok(histogram.buckets.size < 60);
  });

  it('known items: new for half a day, taken back under suspicion, bounded', () => {
    const items: KnownItems = new Map();
    learnItem(items, 'a', 0, 2);
    assert.ok(isNew(items, 'a', 11 * HOUR_MS));
    assert.ok(!isNew(items, 'a', 12 * HOUR_MS));
    learnItem(items, 'b', 20 * HOUR_MS, 2);
    forgetRecent(items, 21 * HOUR_MS);
    assert.deepEqual([...items.keys()], ['a']);
    learnItem(items, 'a', 22 * HOUR_MS, 2);
    learnItem(items, 'b', 22 * HOUR_MS, 2);
    learnItem(items, 'c', 22 * HOUR_MS, 2);
    assert.equal(items.size, 2);
    assert.ok(items.has('a'));
    assert.deepEqual(decodeJsonState(encodeJsonState({ items })), { items });
  });

  it('fields of events by dotted name', () => {
    const event = attackedHistory(1, 1).history.find(({ body }) => body.kind === 'request')!;
    const view = createEventView({
      ...event,
      identity: { ...event.identity!, groups: ['a', 'b'], attributes: { 'run.id': '7' } },
    });
    assert.deepEqual(view.field('identity.groups'), ['a', 'b']);
    assert.deepEqual(view.field('identity.attributes.run.id'), ['7']);
    assert.deepEqual(view.field('body.kind'), ['request']);
    assert.equal(
      view.field('body.actions.action').length,
      (event.body.kind === 'request' && event.body.actions.length) || 0,
    );
    assert.deepEqual(view.field('body.textBytes'), []);
    assert.deepEqual(view.field('body.nothing.here'), []);
    view.setFact('x', 1);
    assert.deepEqual(view.field('facts.x'), [1]);
  });
});
