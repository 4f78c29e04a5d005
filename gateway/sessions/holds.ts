/**
 * Requests that wait for the detectors: until those have passed the event and every detection that they made of it is decided
 * by a responder. Bounded in time.
 */
import type { Clock, Timer } from '../../platform/clock/clock.ts';
import type { EventLog, LogRecord, Reader } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { Codec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Verdict } from '../../schemas/types.ts';
import type { EventPosition } from '../recording/spool.ts';
import { createDecayedQuantile } from './latency.ts';

export interface HoldResult {
  /** passed: go on; contained, asked: a responder stands against it; late: nobody said in time; ended: the session is over. */
  readonly outcome: 'passed' | 'contained' | 'asked' | 'late' | 'ended';
  readonly heldUs: number;
  readonly detectionIds: readonly string[];
}

export interface Hold {
  readonly result: Promise<HoldResult>;
  /** Where the log has put the event. */
  placed(position: EventPosition): void;
  /** Ends the wait: the session is over. */
  end(): void;
}

export interface Holds {
  /** Must be called before the event goes into the spool, so that no verdict comes earlier. `holdMs`: instead of the configured. */
  hold(eventId: string, holdMs?: number): Hold;
  onVerdict(verdict: Verdict): void;
  /** How long the log takes, microseconds. */
  observeRoundTrip(us: number): void;
  /** Longest hold now, milliseconds. */
  boundMs(): number;
  /** True while events wait and the detectors have made no progress for `detectionLagMs`. */
  lagging(): boolean;
  waiting(): number;
}

interface Waiting {
  readonly eventId: string;
  readonly startUs: number;
  readonly detections: Map<string, 'open' | 'release'>;
  position: EventPosition | undefined;
  settle(outcome: HoldResult['outcome']): void;
}

const BOUND_MS_MAX = 60_000;
const ROUND_TRIPS = 4;

export function createHolds(
  { clock }: { clock: Clock },
  config: Pick<GatewayConfig, 'holdMs' | 'detectionLagMs'>,
): Holds {
  const roundTrips = createDecayedQuantile();
  const waiting = new Map<string, Waiting>();
  const passed = new Map<number, number>();
  let stalledSinceUs: number | undefined;

  const boundMs = (holdMs = config.holdMs): number =>
    Math.min(BOUND_MS_MAX, Math.max(holdMs, (ROUND_TRIPS * (roundTrips.quantile(0.99) ?? 0)) / 1000));
  const look = (hold: Waiting): void => {
    if (hold.position === undefined || (passed.get(hold.position.partition) ?? -1) < hold.position.offset)
      return;
    for (const state of hold.detections.values()) if (state === 'open') return;
    hold.settle('passed');
  };
  const onPassed = (body: Extract<Verdict['body'], { kind: 'passed' }>): void => {
    for (const { eventId, detectionIds } of body.spoken) {
      const hold = waiting.get(eventId);
      for (const id of detectionIds)
        if (hold !== undefined && !hold.detections.has(id)) hold.detections.set(id, 'open');
    }
    if (body.offset <= (passed.get(body.partition) ?? -1)) return;
    passed.set(body.partition, body.offset);
    stalledSinceUs = undefined;
    for (const hold of waiting.values()) look(hold);
    if (waiting.size > 0) stalledSinceUs = clock.monotonicUs();
  };
  return {
    hold(eventId, holdMs) {
      const startUs = clock.monotonicUs();
      stalledSinceUs ??= startUs;
      let resolve: (result: HoldResult) => void = () => undefined;
      const result = new Promise<HoldResult>((done) => {
        resolve = done;
      });
      let timer: Timer | undefined;
      const hold: Waiting = {
        eventId,
        startUs,
        detections: new Map(),
        position: undefined,
        settle(outcome) {
          if (!waiting.delete(eventId)) return;
          timer?.cancel();
          resolve({
            outcome,
            heldUs: Math.round(clock.monotonicUs() - startUs),
            detectionIds: [...hold.detections.keys()],
          });
        },
      };
      waiting.set(eventId, hold);
      timer = clock.after(boundMs(holdMs), () => hold.settle('late'));
      return {
        result,
        placed(position) {
          hold.position = position;
          look(hold);
        },
        end: () => hold.settle('ended'),
      };
    },
    onVerdict({ body }) {
      if (body.kind === 'passed') {
        onPassed(body);
        return;
      }
      const hold = waiting.get(body.eventId);
      if (hold === undefined) return;
      // A decision may overtake the record that says what was spoken about.
      hold.detections.set(body.detectionId, 'release');
      if (body.outcome === 'release') look(hold);
      else hold.settle(body.outcome);
    },
    observeRoundTrip: (us) => roundTrips.observe(us),
    boundMs: () => boundMs(),
    lagging: () =>
      stalledSinceUs !== undefined && clock.monotonicUs() - stalledSinceUs > config.detectionLagMs * 1000,
    waiting: () => waiting.size,
  };
}

export interface FollowVerdictsDeps {
  readonly eventLog: EventLog;
  readonly codec: Codec<Verdict>;
  readonly log: Logger;
  /** Takes what cannot be read; absent: that is only logged. */
  readonly giveUp?: (record: LogRecord, reason: string) => Promise<void>;
}

/** Feeds the holds with verdicts from now on; every gateway reads all of them. Resolves once it listens. */
export async function followVerdicts(
  holds: Holds,
  { eventLog, codec, log, giveUp }: FollowVerdictsDeps,
  onFailure: (error: unknown) => void,
): Promise<Reader[]> {
  const topic = TOPICS.verdicts.name;
  const ends = await eventLog.endOffsets(topic);
  return Promise.all(
    ends.map((fromOffset, partition) =>
      eventLog.read({
        topic,
        partition,
        fromOffset,
        async onRecords(records) {
          const unreadable: { record: LogRecord; reason: string }[] = [];
          for (const record of records) {
            const { value, offset } = record;
            if (value === null) continue;
            const read = codec.decode(value);
            if (read.ok) {
              holds.onVerdict(read.value);
              continue;
            }
            log.error({ partition, offset, reason: read.reason }, 'a verdict cannot be read');
            unreadable.push({ record, reason: read.reason });
          }
          // Nobody who is held waits for this.
          for (const { record, reason } of unreadable) await giveUp?.(record, reason);
        },
        onFailure,
      }),
    ),
  );
}
