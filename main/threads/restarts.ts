/** When a role that was lost is started again: soon, then ever later, and soon again after it has held for a while. */
import type { Clock } from '../../platform/clock/clock.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';

export interface RestartLimits {
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** A role that held so long starts over with the shortest delay. */
  readonly steadyMs: number;
  /** How often a thread is asked whether it still answers. */
  readonly pingMs: number;
  /**
   * A thread that leaves more questions in a row unanswered is stuck. Counted, not timed: a machine that slept is no stuck thread.
   */
  readonly pingsSilentMax: number;
}

export const RESTARTS: RestartLimits = {
  delayMsMin: 100,
  delayMsMax: 30_000,
  steadyMs: 60_000,
  pingMs: 5000,
  pingsSilentMax: 12,
};

export interface Restarts {
  /** Starts again with `begin` until it succeeds; does nothing while that is under way or after `stop`. */
  run(begin: () => Promise<void>): void;
  stopped(): boolean;
  /** Resolves when no start is under way, and none comes. */
  stop(): Promise<void>;
}

export function createRestarts(
  role: string,
  { clock, log, metrics }: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics },
  limits: RestartLimits = RESTARTS,
): Restarts {
  const stopping = new AbortController();
  const counter = metrics.counter(
    'countersign_role_restarts_total',
    'Roles that were lost and started again.',
    ['role'],
  );
  let running: Promise<void> | undefined;
  let delayMs = limits.delayMsMin;
  let heldSinceUs = clock.monotonicUs();

  const work = async (begin: () => Promise<void>): Promise<void> => {
    if (clock.monotonicUs() - heldSinceUs > limits.steadyMs * 1000) delayMs = limits.delayMsMin;
    while (!stopping.signal.aborted) {
      await clock.sleep(delayMs, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      delayMs = Math.min(limits.delayMsMax, delayMs * 2);
      counter.add(1, { role });
      try {
        await begin();
        heldSinceUs = clock.monotonicUs();
        log.warn({ role }, 'a role was started again');
        return;
      } catch (error) {
        log.error({ error, role, delayMs }, 'a role could not be started again; trying later');
      }
    }
  };
  return {
    run(begin) {
      if (stopping.signal.aborted) return;
      running ??= work(begin).finally(() => {
        running = undefined;
      });
    },
    stopped: () => stopping.signal.aborted,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
