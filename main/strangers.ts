/**
 * Whether gateways of other installations write to this log. A control store that is a file knows its own gateway only: another one would go
 * on without its lockouts and call them in force all the same. Gateways tell of themselves by heartbeats, so the ends of the log are read.
 */
import type { Clock, Timer } from '../platform/clock/clock.ts';
import type { EventLog } from '../platform/event-log/event-log.ts';
import type { Logger } from '../platform/log/log.ts';
import { createCodec } from '../schemas/codec.ts';
import { TOPICS } from '../schemas/topics.ts';
import { mainError } from './errors.ts';

export interface StrangersDeps {
  readonly eventLog: Pick<EventLog, 'endOffsets' | 'read'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface StrangersConfig {
  /** Of the gateway in this process. */
  readonly gatewayId: string;
  readonly heartbeatMs: number;
}

export interface StrangersWatch {
  /** Which other gateway writes here; undefined while there is none. */
  problem(): string | undefined;
  stop(): void;
}

/** Records before the end of each partition that are looked at: some heartbeats are among them, or the work of who makes so many. */
const TAIL_RECORDS = 200;
const FRESH_MS_MIN = 30_000;
/** More often than what is fresh grows old. */
const LOOK_MS = 20_000;

interface Stranger {
  readonly gateway: string;
  readonly agoMs: number;
}

/** A gateway of another name that wrote within three heartbeats. */
async function findStranger(
  { eventLog, clock }: Pick<StrangersDeps, 'eventLog' | 'clock'>,
  { gatewayId, heartbeatMs }: StrangersConfig,
): Promise<Stranger | undefined> {
  const topic = TOPICS.sessionEvents.name;
  const codec = createCodec('session-event');
  const since = clock.now() - Math.max(FRESH_MS_MIN, 3 * heartbeatMs);
  let found: Stranger | undefined;
  const look = async (end: number, partition: number): Promise<void> => {
    if (end === 0) return;
    const reader = await eventLog.read({
      topic,
      partition,
      fromOffset: Math.max(0, end - TAIL_RECORDS),
      onRecords(records) {
        for (const { value } of records) {
          const read = value === null ? undefined : codec.decode(value);
          if (read?.ok !== true) continue;
          const { origin, gateway, time } = read.value;
          if (origin === 'gateway' && gateway.id !== gatewayId && time >= since)
            found = { gateway: gateway.id, agoMs: Math.max(0, clock.now() - time) };
        }
      },
      onFailure: () => undefined,
    });
    try {
      await reader.caughtUp();
    } finally {
      await reader.close();
    }
  };
  const ends = await eventLog.endOffsets(topic);
  await Promise.all(ends.map(look));
  return found;
}

/** Rejects with CLUSTER_STORE_NOT_SHARED where there is one; then goes on looking, for one that starts later or at the same time. */
export async function watchStrangers(deps: StrangersDeps, config: StrangersConfig): Promise<StrangersWatch> {
  const { clock, log } = deps;
  const first = await findStranger(deps, config);
  if (first !== undefined)
    throw mainError('CLUSTER_STORE_NOT_SHARED', {
      gateway: first.gateway,
      seconds: Math.round(first.agoMs / 1000),
    });
  let problem: string | undefined;
  let looking = false;
  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      const found = await findStranger(deps, config);
      if (found !== undefined && problem === undefined)
        log.error(
          { gateway: found.gateway },
          'another gateway writes to this event log, and the control store here is a file that it does not know: lockouts do not hold there',
        );
      problem =
        found === undefined
          ? undefined
          : `gateway ${found.gateway} of another installation writes to this event log`;
    } finally {
      looking = false;
    }
  };
  // A log that is away is another check's.
  const timer: Timer = clock.every(LOOK_MS, () => void look().catch(() => undefined));
  return { problem: () => problem, stop: () => timer.cancel() };
}
