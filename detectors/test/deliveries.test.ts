/** What a log may do to events without losing any: twice, out of order, and stamped by gateways whose clocks differ. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import { BASELINES } from '../baselines/registry.ts';
import { codecs, createEngineBench } from './support/engine-bench.ts';
import { attackedHistory } from './support/history.ts';

const SKEW_MS = 5000;
const byTime = (events: SessionEvent[]): SessionEvent[] => events.toSorted((a, b) => a.time - b.time);

/** What is said about which events, in an order of its own. */
async function said(events: readonly SessionEvent[], ticks = 0): Promise<string[]> {
  const bench = await createEngineBench(BASELINES);
  await bench.append(events);
  const engine = await bench.open();
  await bench.feed(engine);
  for (let tick = 0; tick < ticks; tick += 1) await engine.tick();
  const found = await bench.values(TOPICS.detections.name, codecs.detection);
  await bench.end();
  return found.map(({ detector, detectionId }) => `${detector} ${detectionId}`).sort();
}

/** Each record comes up to three times, and up to `far` places from where it belongs. */
function disorder(events: readonly SessionEvent[], seed: number, far: number): SessionEvent[] {
  const random = createSeededRandom(seed);
  return events
    .flatMap((event, index) =>
      Array.from({ length: 1 + Math.floor(random.float() * 3) }, () => ({
        event,
        at: index + random.float() * far,
      })),
    )
    .toSorted((one, other) => one.at - other.at)
    .map(({ event }) => event);
}

describe('detectors: deliveries', () => {
  it('twice, three times and out of order: the detections are those of one delivery in order', async () => {
    const { history, attack } = attackedHistory(11, 8);
    const events = byTime([...history, ...attack]);
    const expected = await said(events);
    assert.ok(expected.length > 3, `${expected.length} detections`);
    assert.ok(expected.every((one) => !one.startsWith('integrity-')));
    for (const seed of [1, 2, 3]) {
      // Sessions are in order again; between sessions that overlap, the baselines may see another order: nothing may be lost by it.
      const sessions = new Map<string, SessionEvent[]>();
      for (const event of events)
        sessions.set(event.session!.id, [...(sessions.get(event.session!.id) ?? []), event]);
      const delivered = [...sessions.values()].flatMap((session) => disorder(session, seed, 6));
      const inOrder = [...sessions.values()].flat();
      assert.notDeepEqual(delivered, inOrder);
      assert.deepEqual(await said(delivered), await said(inOrder), `seed ${seed}`);
    }
  });

  it('a second delivery of everything, to the end, says nothing new', async () => {
    const { history, attack } = attackedHistory(12, 8);
    const events = byTime([...history, ...attack]);
    const expected = await said(events);
    assert.ok(expected.length > 0);
    // From any place on: a consumer that starts again from its last commit.
    for (const from of [0.3, 0.7, 0.95]) {
      const again = events.slice(Math.floor(events.length * from));
      assert.deepEqual(await said([...events, ...again]), expected, `from ${from}`);
    }
  });

  it('gateways whose clocks are 5 s apart: the attack is found, and nobody else is accused', async () => {
    for (const seed of [21, 22, 23]) {
      const { history, attack } = attackedHistory(seed, 8);
      // Every second session goes through the gateway whose clock is ahead, or behind; the log keeps the true order.
      const order = [...new Set(byTime(history).map(({ session }) => session!.id))];
      const skewed = (event: SessionEvent, skewMs: number): SessionEvent =>
        order.indexOf(event.session!.id) % 2 === 0
          ? event
          : { ...event, time: event.time + skewMs, gateway: { ...event.gateway, id: 'other' } };
      const events = byTime([...history, ...attack]);
      const benign = byTime(history);
      const withoutSkew = await said(events);
      const quiet = await said(benign);
      const attacked = (detections: readonly string[]): number => detections.length;
      for (const skewMs of [SKEW_MS, -SKEW_MS]) {
        assert.deepEqual(
          await said(benign.map((event) => skewed(event, skewMs))),
          quiet,
          `benign, ${skewMs} ms`,
        );
        const found = await said(
          events.map((event) =>
            benign.includes(event) ? skewed(event, skewMs) : { ...event, time: event.time + skewMs },
          ),
        );
        assert.ok(attacked(found) > attacked(quiet), `attack of seed ${seed}, ${skewMs} ms`);
        const detectors = (each: readonly string[]) => new Set(each.map((one) => one.split(' ', 1)[0]!));
        assert.deepEqual(detectors(found), detectors(withoutSkew), `seed ${seed}, ${skewMs} ms`);
      }
    }
  });
});
