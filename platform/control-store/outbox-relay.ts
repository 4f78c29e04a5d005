/** Carries the control store's outbox to the event log: in commit order, at once, at least once. */
import type { Clock } from '../clock/clock.ts';
import { isCountersignError } from '../errors/errors.ts';
import type { LogWriter } from '../event-log/event-log.ts';
import type { Logger } from '../log/log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ControlStore, OutboxEntry } from './control-store.ts';

export interface OutboxRelay {
  /** Carries what waits and everything after it. */
  start(): void;
  /** Resolves when the append under way has ended; what waits then stays in the outbox. */
  stop(): Promise<void>;
  health(): { readonly ready: boolean; readonly reason?: string };
}

export interface OutboxRelayDeps {
  readonly store: ControlStore;
  readonly writer: LogWriter;
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** False: it is another process's turn; nothing more is carried. */
  readonly mayCarry?: () => boolean;
  /** Another process has opened the writer; this relay has stopped. */
  readonly onFenced?: () => void;
}

const BATCH_ENTRIES_MAX = 500;
const RETRY_DELAY_MS_MIN = 50;
const RETRY_DELAY_MS_MAX = 5000;

/** Runs of one topic, since an append is to one topic. */
function runs(entries: readonly OutboxEntry[]): OutboxEntry[][] {
  const result: OutboxEntry[][] = [];
  for (const entry of entries) {
    const last = result.at(-1);
    if (last !== undefined && last[0]!.topic === entry.topic) last.push(entry);
    else result.push([entry]);
  }
  return result;
}

export function createOutboxRelay(deps: OutboxRelayDeps): OutboxRelay {
  const { store, writer, log, clock, metrics, mayCarry = () => true } = deps;
  const carried = metrics.counter(
    'countersign_outbox_carried_total',
    'Outbox entries that the event log took.',
  );
  const retries = metrics.counter('countersign_outbox_retries_total', 'Failed attempts to carry the outbox.');
  const stopping = new AbortController();
  let unsubscribe: (() => void) | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let problem: string | undefined;

  const drain = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      again = false;
      const entries = await store.outbox(BATCH_ENTRIES_MAX);
      for (const run of runs(entries)) {
        if (stopping.signal.aborted || !mayCarry()) return;
        await writer.append(
          run[0]!.topic,
          run.map(({ key, value }) => ({ key, value })),
        );
        await store.acknowledgeOutbox(run.at(-1)!.sequence);
        carried.add(run.length);
      }
      problem = undefined;
      // `again` covers a commit between the look and here: no kick is lost.
      if (entries.length < BATCH_ENTRIES_MAX && !again) return;
    }
  };

  const drainWithRetries = async (): Promise<void> => {
    let delayMs = RETRY_DELAY_MS_MIN;
    while (!stopping.signal.aborted) {
      try {
        return await drain();
      } catch (error) {
        if (stopping.signal.aborted) return;
        problem = (error as Error).message;
        if (isCountersignError(error, 'EVENT_LOG_FENCED')) {
          log.error({ error }, 'another process carries the outbox now; this one has stopped');
          stopping.abort();
          deps.onFenced?.();
          return;
        }
        retries.add();
        log.warn({ error, delayMs }, 'the outbox could not be carried to the event log; trying again');
        await clock.sleep(delayMs, stopping.signal).catch(() => undefined);
        delayMs = Math.min(RETRY_DELAY_MS_MAX, delayMs * 2);
      }
    }
  };

  const kick = (): void => {
    again = true;
    if (stopping.signal.aborted || running !== undefined) return;
    running = drainWithRetries().finally(() => {
      running = undefined;
      if (again && !stopping.signal.aborted) kick();
    });
  };

  return {
    start() {
      unsubscribe ??= store.onPublished(kick);
      kick();
    },
    async stop() {
      unsubscribe?.();
      stopping.abort();
      await running;
    },
    health: () => (problem === undefined ? { ready: true } : { ready: false, reason: `outbox: ${problem}` }),
  };
}
