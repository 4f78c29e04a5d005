import { randomBytes } from 'node:crypto';
import type { Clock, Random } from './clock.ts';
import { createUuidv7 } from './uuidv7.ts';

/** The machine's clock. */
export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonicUs: () => performance.now() * 1000,
    after(delayMs, callback, options) {
      const handle = setTimeout(callback, delayMs);
      if (options?.background === true) handle.unref();
      return { cancel: () => clearTimeout(handle) };
    },
    every(periodMs, callback) {
      const handle = setInterval(callback, periodMs);
      handle.unref();
      return { cancel: () => clearInterval(handle) };
    },
    sleep(delayMs, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason as Error);
          return;
        }
        const abort = (): void => {
          clearTimeout(handle);
          reject(signal!.reason as Error);
        };
        const handle = setTimeout(() => {
          signal?.removeEventListener('abort', abort);
          resolve();
        }, delayMs);
        signal?.addEventListener('abort', abort, { once: true });
      });
    },
  };
}

/** The machine's random source; bytes come from a pool, since most callers want 8 or 16. */
export function createSystemRandom(): Random {
  const POOL_BYTES = 4096;
  let pool = randomBytes(POOL_BYTES);
  let used = 0;
  const bytes = (length: number): Buffer => {
    if (length > POOL_BYTES / 4) return randomBytes(length);
    if (used + length > POOL_BYTES) {
      pool = randomBytes(POOL_BYTES);
      used = 0;
    }
    used += length;
    return pool.subarray(used - length, used);
  };
  return { bytes, float: () => bytes(4).readUInt32BE() / 2 ** 32, uuidv7: createUuidv7(bytes) };
}
