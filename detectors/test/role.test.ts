import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import Value from 'typebox/value';
import { openEmbedded } from '../../platform/event-log/embedded/test/harness.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../platform/metrics/prom-metrics.ts';
import { createDeadLetters } from '../../platform/dead-letters/dead-letters.ts';
import { DetectorsConfig } from '../../schemas/config/detectors.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Incident, SessionEvent } from '../../schemas/types.ts';
import { createCodec } from '../../schemas/codec.ts';
import { BASELINES } from '../baselines/registry.ts';
import { defineBaseline } from '../baselines/support/define-baseline.ts';
import type { Detector } from '../detector.ts';
import { EMPTY_DIRECTORY } from '../directory/directory.ts';
import { createDetectorsRole } from '../role.ts';
import { codecs } from './support/engine-bench.ts';
import { attackedHistory } from './support/history.ts';

/** Counts sessions of a credential source: what a detector keyed otherwise looks like. */
const sourceCounter: Detector = {
  ...defineBaseline<{ sessions: number }>({
    name: 'source-counter',
    version: '1',
    createState: () => ({ sessions: 0 }),
    onEvent({ event }, state) {
      if (event.body.kind !== 'session_opened') return [];
      state.sessions += 1;
      return [{ title: 'n', severity: 'low', risk: 1, reason: `session ${state.sessions}` }];
    },
  }),
  keyedBy: 'credential_source',
};

async function setUp(detectors: readonly Detector[]) {
  const harness = openEmbedded({ segmentBytesMax: 1 << 22, tailBytesMax: 1 << 20, readBytesMax: 1 << 20 });
  await harness.log.ensureTopics(
    Object.values(TOPICS).map(({ name, cleanup }) => ({
      name,
      partitions: 2,
      cleanup: cleanup === 'compact' ? ('compact' as const) : ('delete' as const),
    })),
  );
  const source = await harness.log.writer('gateway');
  const writer = await harness.log.writer('detectors');
  const metrics = createPromMetrics();
  const deadLetters = createDeadLetters({ writer, clock: harness.clock, log: silentLogger, metrics });
  const makeRole = () =>
    createDetectorsRole(
      {
        eventLog: harness.log,
        writer,
        clock: harness.clock,
        log: silentLogger,
        metrics,
        deadLetters,
        detectors,
        directory: EMPTY_DIRECTORY,
      },
      Value.Default(DetectorsConfig, {}) as DetectorsConfig,
    );
  const send = async (events: readonly SessionEvent[]): Promise<void> => {
    await source.append(
      TOPICS.sessionEvents.name,
      events.map((event) => ({ key: event.identity!.id, value: codecs.event.encode(event) })),
    );
  };
  const detections = async () => {
    const found: { detector: string; reason: string; live: boolean; detectionId: string; eventId: string }[] =
      [];
    const reader = await harness.log.read({
      topic: TOPICS.detections.name,
      onRecords(records) {
        for (const { value } of records) {
          const decoded = codecs.detection.decode(value!);
          if (decoded.ok) found.push(decoded.value);
        }
      },
      onFailure: (error) => {
        throw error;
      },
    });
    await reader.caughtUp();
    await reader.close();
    return found;
  };
  /** Waits for a condition on what is in the log; the test's own limit bounds it. */
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    while (!(await holds())) {
      harness.clock.advance(50);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { harness, source, makeRole, send, detections, until };
}

describe('detectors: role', { timeout: 60_000 }, () => {
  it('judges what the log brings, stops with everything committed, and goes on where it was', async () => {
    const { harness, makeRole, send, detections, until } = await setUp([...BASELINES, sourceCounter]);
    const { history, attack } = attackedHistory(11, 8);
    const first = makeRole();
    await first.start();
    assert.deepEqual(first.health(), { ready: true });
    await send(history);
    const sessions = new Set(history.map(({ session }) => session!.id)).size;
    const counted = async (): Promise<number> =>
      (await detections()).filter(({ detector }) => detector === 'source-counter').length;
    await until(async () => (await counted()) === sessions);
    await first.stop(1000);
    assert.equal(first.health().ready, false);
    const second = makeRole();
    await second.start();
    await send(attack);
    await until(async () => (await detections()).some(({ detector }) => detector === 'identity-risk'));
    await until(async () => (await counted()) === sessions + 1);
    const found = await detections();
    assert.ok(
      found.some(({ reason }) => reason === `session ${sessions + 1}`),
      'the count went on',
    );
    assert.equal(new Set(found.map(({ detectionId }) => detectionId)).size, found.length, 'nothing twice');
    await second.stop(1000);
    await harness.end();
  });

  it('hears of open incidents from the log', async () => {
    const { harness, source, makeRole, send, detections, until } = await setUp(BASELINES);
    const { history, attack } = attackedHistory(12, 8);
    const identity = history[0]!.identity!.id;
    const incident: Incident = {
      incidentId: 'i1',
      version: 1,
      state: 'open',
      closedAs: null,
      closedBy: null,
      openedAt: 0,
      updatedAt: 0,
      title: 't',
      severity: 'high',
      risk: 80,
      summary: '',
      key: identity,
      origin: 'gateway',
      exerciseId: null,
      identities: [identity],
      sessions: [],
      tokens: [],
      connections: [],
      detections: [],
      detectionCount: 0,
      lockouts: [],
    };
    await source.append(TOPICS.incidents.name, [
      { key: 'i1', value: createCodec('incident').encode(incident) },
    ]);
    const role = makeRole();
    await role.start();
    // Nothing is learned from the start, so that there is no baseline that an attack could offend.
    await send([...history, ...attack]);
    const end = (await harness.log.endOffsets(TOPICS.sessionEvents.name)).reduce(
      (sum, offset) => sum + offset,
      0,
    );
    assert.ok(end > 100);
    let judged = -1;
    const reader = await harness.log.read({
      topic: TOPICS.verdicts.name,
      onRecords(records) {
        for (const { value } of records) {
          const decoded = codecs.verdict.decode(value!);
          if (decoded.ok && decoded.value.body.kind === 'passed')
            judged = Math.max(judged, decoded.value.body.offset);
        }
      },
      onFailure: (error) => {
        throw error;
      },
    });
    await until(async () => judged === history.length + attack.length - 1);
    assert.deepEqual(
      (await detections()).filter(
        ({ detector }) => detector === 'source-network' || detector === 'hour-of-week',
      ),
      [],
    );
    await reader.close();
    await role.stop(1000);
    await harness.end();
  });
});
