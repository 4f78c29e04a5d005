/** Records of every topic twice and out of order: each is one document, and the newest version stands. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createCodec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Incident, ResponseStep, SessionEvent } from '../../schemas/types.ts';
import { createIngestRole } from '../ingest-role.ts';
import { clock, ingestConfig, openStage, sampleOf } from './stage.ts';
import { until } from '../../test/support/until.ts';

const events = createCodec('session-event');
const responses = createCodec('response');
const incidents = createCodec('incident');

/** Every item up to three times, in any order. */
function disorder<T>(items: readonly T[], seed: number): T[] {
  const random = createSeededRandom(seed);
  return items
    .flatMap((item) =>
      Array.from({ length: 1 + Math.floor(random.float() * 3) }, () => ({ item, at: random.float() })),
    )
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item);
}

describe('ingest: deliveries', () => {
  for (const seed of [1, 2])
    it(`one document for each record, whatever comes again and when (seed ${seed})`, async (t) => {
      const stage = await openStage(t);
      const { eventLog, searchIndex, metrics } = stage;
      const role = createIngestRole(
        { eventLog, searchIndex, log: silentLogger, metrics, clock },
        ingestConfig(),
      );
      await role.start();
      t.after(() => role.stop(1000));
      const event = sampleOf<SessionEvent>('session-event', 'request');
      // Gateways whose clocks are 5 s apart: times are kept as they are, the order in the log counts for nothing.
      const some = Array.from({ length: 50 }, (_, number) => ({
        ...event,
        eventId: `event-${number}`,
        time: event.time + number * 100 + (number % 2) * 5000,
      }));
      const step = sampleOf<ResponseStep>('response');
      const steps = (['intended', 'done', 'undone'] as const).map((state) => ({ ...step, state }));
      const incident = sampleOf<Incident>('incident');
      const versions = [1, 2, 3, 4].map((version) => ({ ...incident, version, title: `version ${version}` }));
      await stage.append(
        TOPICS.sessionEvents.name,
        'k',
        disorder(some, seed).map((one) => events.encode(one)),
      );
      await stage.append(
        TOPICS.responses.name,
        'k',
        disorder(steps, seed).map((one) => responses.encode(one)),
      );
      await stage.append(
        TOPICS.incidents.name,
        'k',
        disorder(versions, seed).map((one) => incidents.encode(one)),
      );
      await stage.append(TOPICS.sessionEvents.name, 'k', [events.encode({ ...event, eventId: 'last' })]);
      await until(
        'the last one',
        async () => (await searchIndex.get('session-events', 'last')) !== undefined,
      );
      await until(
        'all steps',
        async () => (await searchIndex.count({ index: 'responses' })) === steps.length,
      );
      await until('the newest version', async () => {
        const found = await searchIndex.get('incidents', incident.incidentId);
        return found?.['countersign.incident.version'] === 4;
      });
      assert.equal(await searchIndex.count({ index: 'session-events' }), some.length + 1);
      assert.equal(await searchIndex.count({ index: 'dead-letters' }), 0);
      for (const { eventId, time } of some)
        assert.equal((await searchIndex.get('session-events', eventId))?.['@timestamp'], time);
    });
});
