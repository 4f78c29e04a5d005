import type { Clock } from '../clock/clock.ts';
import { controlStoreError } from './errors.ts';

/** Rejects with CONTROL_STORE_TIMEOUT after `timeoutMs`, unless `work` ended before. */
export function within<R>(clock: Clock, timeoutMs: number, work: Promise<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () =>
      reject(controlStoreError('CONTROL_STORE_TIMEOUT', { timeoutMs })),
    );
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}
