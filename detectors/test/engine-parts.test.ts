import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock } from '../../platform/clock/manual-clock.ts';
import { defineErrors } from '../../platform/errors/errors.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { BASELINES } from '../baselines/registry.ts';
import { detectionId } from '../engine/detection-records.ts';
import { identityKey } from '../engine/identity-key.ts';
import { createKeyState } from '../engine/key-state.ts';
import { createLiveness } from '../engine/liveness.ts';
import { createPatientWriter } from '../engine/patient-writer.ts';
import { attackedHistory } from './support/history.ts';

const MINUTE_MS = 60_000;
const away = defineErrors({
  EVENT_LOG_AWAY: { message: 'away', hint: 'wait', status: 503 },
  EVENT_LOG_FENCED: { message: 'fenced', hint: 'none', status: 409 },
});

describe('detectors: parts of the engine', () => {
  const event = attackedHistory(1, 1).history[0]!;

  it('only young gateway events are live, and exercises that say so', () => {
    const liveness = createLiveness(5 * MINUTE_MS);
    assert.ok(liveness.isLive(event, event.time + 5 * MINUTE_MS));
    assert.ok(!liveness.isLive(event, event.time + 5 * MINUTE_MS + 1));
    assert.ok(!liveness.isLive({ ...event, origin: 'import' }, event.time));
    assert.ok(!liveness.isLive({ ...event, origin: 'external' }, event.time));
    const exercise = { ...event, origin: 'exercise' as const, exerciseId: 'x1' };
    const marked = {
      ...exercise,
      identity: { ...event.identity!, attributes: { exercise_live: 'true' } },
      time: event.time + 60 * MINUTE_MS,
    };
    assert.ok(!liveness.isLive(exercise, event.time));
    assert.ok(liveness.isLive(marked, event.time));
    assert.ok(!liveness.isLive({ ...marked, time: event.time }, event.time));
  });

  it('exercises have keys of their own', () => {
    assert.equal(identityKey(event), event.identity!.id);
    assert.equal(identityKey({ ...event, exerciseId: 'x1' }), `exercise:x1/${event.identity!.id}`);
    assert.equal(
      identityKey({ ...event, identity: null, client: { ...event.client!, ip: '203.0.113.9' } }),
      'network:203.0.113.0/24',
    );
  });

  it('a new version of a detector starts empty, the others keep their state', () => {
    const [first, second] = BASELINES as [(typeof BASELINES)[0], (typeof BASELINES)[0]];
    const state = createKeyState('k');
    const known = state.of(first) as { known: { seen: number } };
    known.known.seen = 7;
    (state.of(second) as { saidOf: string }).saidOf = 'x';
    const again = createKeyState('k', state.encode());
    assert.deepEqual(again.of(first), state.of(first));
    assert.deepEqual(again.of({ ...first, version: '2' }), first.createState());
    assert.equal((again.of(second) as { saidOf: string }).saidOf, 'x');
  });

  it('ids of detections depend on detector, version and event only', () => {
    assert.equal(detectionId('a', '1', 'e'), detectionId('a', '1', 'e'));
    assert.match(detectionId('a', '1', 'e'), /^[0-9a-f]{32}$/);
    assert.equal(
      new Set([detectionId('a', '1', 'e'), detectionId('a', '2', 'e'), detectionId('a1', '', 'e')]).size,
      3,
    );
  });

  it('writing goes on when the log is back, and ends at once when the writer is fenced', async () => {
    const clock = createManualClock();
    const failures = [away('EVENT_LOG_AWAY'), away('EVENT_LOG_AWAY')];
    let calls = 0;
    const stop = new AbortController();
    const writer = createPatientWriter(
      {
        append: async () => {
          calls += 1;
          const failure = failures.shift();
          if (failure !== undefined) throw failure;
          return [];
        },
        close: async () => undefined,
      },
      { clock, log: silentLogger },
      stop.signal,
    );
    const written = writer.append('t', []);
    const state = { done: false };
    const finished = written.then(() => (state.done = true));
    while (!state.done) {
      clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await finished;
    assert.equal(calls, 3);
    failures.push(away('EVENT_LOG_FENCED'));
    await assert.rejects(writer.append('t', []), /fenced/);
  });
});
