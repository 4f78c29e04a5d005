import type { Clock } from '../platform/clock/clock.ts';
import type { Logger } from '../platform/log/log.ts';
import { ingestError } from './errors.ts';

/** Runs `work` until it succeeds. Rejects with INGEST_STOPPING when the signal aborts while it waits. */
export type Retry = <R>(work: () => Promise<R>) => Promise<R>;

export interface RetryDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Told of each failure, and of the success after failures with undefined. */
  onProblem(problem: string | undefined): void;
}

export function createRetry(
  { clock, log, signal, onProblem }: RetryDeps,
  config: { readonly retryDelayMsMin: number; readonly retryDelayMsMax: number },
): Retry {
  return async (work) => {
    for (let delayMs = config.retryDelayMsMin; ; delayMs = Math.min(config.retryDelayMsMax, delayMs * 2)) {
      try {
        const result = await work();
        onProblem(undefined);
        return result;
      } catch (error) {
        onProblem((error as Error).message);
        if (signal.aborted) throw ingestError('INGEST_STOPPING', {}, error);
        log.warn({ error, delayMs }, 'an ingest step failed; trying again');
        await clock.sleep(delayMs, signal).catch(() => {
          throw ingestError('INGEST_STOPPING');
        });
      }
    }
  };
}
