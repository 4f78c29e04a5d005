/** Carries the spool to the event log, in order, with one batch in flight; waits while the log is away. */
import type { Clock, Timer } from '../../platform/clock/clock.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import type { LogWriter } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { EventPosition, Pending, Spool } from './spool.ts';
import type { SpoolTopic } from './spool-frame.ts';

export interface Drain {
  start(): void;
  /** Resolves when the log has all that was appended, or `signal` aborts. */
  idle(signal?: AbortSignal): Promise<void>;
  /** Resolves when the batch under way has ended, or is not answered for two seconds. */
  stop(): Promise<void>;
  health(): { readonly ready: boolean; readonly reason?: string };
}

export interface DrainDeps {
  readonly spool: Spool;
  readonly writer: LogWriter;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with the time that the log took for a batch, microseconds. */
  readonly onRoundTrip: (us: number) => void;
}

/** Between two batches, unless somebody waits for the log: a batch costs the same for one event and for a hundred. */
const LINGER_MS = 4;
const BATCH_RECORDS_MAX = 1000;
const BATCH_BYTES_MAX = 1024 * 1024;
const RETRY_DELAY_MS_MIN = 20;
const RETRY_DELAY_MS_MAX = 2000;
/** What has gone out and is not answered would be doubled by sending it again, and nothing else can be done meanwhile. */
const PATIENT = { patient: true } as const;
/** Longer than this the log was away, not slow: that says nothing about how long to hold a request. */
const ROUND_TRIP_US_MAX = 10_000_000;
/** A batch that is not answered for so long is a problem. */
const PATIENCE_MS = 5000;
/** At the end a batch under way may still be answered for so long; what is not goes out again after the next start. */
const STOP_MS = 2000;
const topicNames: Readonly<Record<SpoolTopic, string>> = {
  events: TOPICS.sessionEvents.name,
  data: TOPICS.sessionData.name,
};

export function createDrain({ spool, writer, clock, log, onRoundTrip }: DrainDeps): Drain {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let started = false;
  let problem: string | undefined;
  let lastEndUs = Number.NEGATIVE_INFINITY;
  let lingering: Timer | undefined;
  let hurry = false;
  /** Since when a batch is under way. */
  let sentUs: number | undefined;
  /** Resolves a while after the end was asked for. */
  const leaving = new Promise<undefined>((resolve) => {
    stopping.signal.addEventListener(
      'abort',
      () => void clock.after(STOP_MS, () => resolve(undefined), { background: true }),
      {
        once: true,
      },
    );
  });

  const send = async (batch: readonly Pending[]): Promise<EventPosition[]> => {
    const positions = new Map<Pending, EventPosition>();
    const topics = Object.keys(topicNames) as SpoolTopic[];
    await Promise.all(
      topics.map(async (topic) => {
        const own = batch.filter(({ entry }) => entry.topic === topic);
        if (own.length === 0) return;
        const records = own.map(({ entry }) => ({ key: entry.key, value: entry.value }));
        const written = await writer.append(topicNames[topic], records, PATIENT);
        own.forEach((pending, index) => positions.set(pending, written[index]!));
      }),
    );
    return batch.map((pending) => positions.get(pending)!);
  };
  const drainAll = async (): Promise<void> => {
    let delayMs = RETRY_DELAY_MS_MIN;
    while (!stopping.signal.aborted) {
      hurry = false;
      try {
        // It may have to read the files back, and the disk may fail.
        const batch = spool.take(BATCH_RECORDS_MAX, BATCH_BYTES_MAX);
        if (batch.length === 0) return;
        await spool.sync();
        const startUs = clock.monotonicUs();
        sentUs = startUs;
        const positions = await Promise.race([send(batch), leaving]);
        if (positions === undefined) return;
        const tookUs = clock.monotonicUs() - startUs;
        if (tookUs <= ROUND_TRIP_US_MAX) onRoundTrip(tookUs);
        spool.drained(batch, positions);
        problem = undefined;
        delayMs = RETRY_DELAY_MS_MIN;
        if (batch.length < BATCH_RECORDS_MAX && !hurry && spool.pendingBytes() < BATCH_BYTES_MAX) return;
      } catch (error) {
        problem = (error as Error).message;
        log.warn({ error, delayMs }, 'the spool could not be drained to the event log; trying again');
        if (isCountersignError(error, 'EVENT_LOG_FENCED')) {
          stopping.abort();
          return;
        }
        await clock.sleep(delayMs, stopping.signal).catch(() => undefined);
        delayMs = Math.min(RETRY_DELAY_MS_MAX, delayMs * 2);
      } finally {
        sentUs = undefined;
      }
    }
  };
  const run = (): void => {
    lingering?.cancel();
    lingering = undefined;
    // In a microtask, so that the events of one tick go in one batch.
    running = Promise.resolve()
      .then(drainAll)
      .finally(() => {
        running = undefined;
        lastEndUs = clock.monotonicUs();
        if (spool.pendingBytes() > 0) kick(hurry);
      });
  };
  const kick = (urgent: boolean): void => {
    hurry ||= urgent;
    if (!started || running !== undefined || stopping.signal.aborted) return;
    const lingerMs = LINGER_MS - (clock.monotonicUs() - lastEndUs) / 1000;
    if (urgent || lingerMs <= 0) run();
    else lingering ??= clock.after(lingerMs, run);
  };
  spool.onAppended(kick);
  return {
    start() {
      started = true;
      kick(true);
    },
    async idle(signal) {
      const aborted = new Promise<void>((resolve) =>
        signal?.addEventListener('abort', () => resolve(), { once: true }),
      );
      while (spool.pendingBytes() > 0 && !stopping.signal.aborted) {
        kick(true);
        if (signal?.aborted === true || running === undefined) return;
        await Promise.race([running, aborted]);
      }
    },
    async stop() {
      stopping.abort();
      lingering?.cancel();
      await running;
    },
    health() {
      const waitsMs = sentUs === undefined ? 0 : (clock.monotonicUs() - sentUs) / 1000;
      const reason =
        waitsMs < PATIENCE_MS
          ? problem
          : `the event log has not answered for ${Math.round(waitsMs / 1000)} s`;
      return reason === undefined ? { ready: true } : { ready: false, reason: `spool: ${reason}` };
    },
  };
}
