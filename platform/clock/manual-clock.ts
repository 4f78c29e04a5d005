import type { Clock, Random } from './clock.ts';
import { createUuidv7 } from './uuidv7.ts';

/** A clock that stands still until told; for tests and the simulator. */
export interface ManualClock extends Clock {
  /** Moves on by `ms`, running the timers that fall due, in order. */
  advance(ms: number): void;
  /** Sets the wall clock, also back; timers and monotonic time do not move. */
  setWall(nowMs: number): void;
  /** Time of the next timer on the monotonic scale in milliseconds, or undefined. */
  nextTimerMs(): number | undefined;
  /** Milliseconds since the clock was made. */
  elapsedMs(): number;
}

interface Pending {
  dueMs: number;
  order: number;
  periodMs: number | undefined;
  callback: () => void;
}

export function createManualClock(startMs = Date.UTC(2026, 0, 5, 9)): ManualClock {
  let elapsed = 0;
  let wallOffset = startMs;
  let order = 0;
  const pending = new Set<Pending>();
  const next = (): Pending | undefined => {
    let first: Pending | undefined;
    for (const timer of pending) {
      if (
        first === undefined ||
        timer.dueMs < first.dueMs ||
        (timer.dueMs === first.dueMs && timer.order < first.order)
      )
        first = timer;
    }
    return first;
  };
  const add = (delayMs: number, callback: () => void, periodMs?: number): { cancel(): void } => {
    order += 1;
    const timer: Pending = { dueMs: elapsed + Math.max(0, delayMs), order, periodMs, callback };
    pending.add(timer);
    return { cancel: () => void pending.delete(timer) };
  };
  return {
    now: () => wallOffset + elapsed,
    monotonicUs: () => elapsed * 1000,
    after: (delayMs, callback) => add(delayMs, callback),
    every: (periodMs, callback) => add(periodMs, callback, periodMs),
    sleep(delayMs, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason as Error);
          return;
        }
        const timer = add(delayMs, resolve);
        signal?.addEventListener(
          'abort',
          () => {
            timer.cancel();
            reject(signal.reason as Error);
          },
          { once: true },
        );
      });
    },
    advance(ms) {
      const end = elapsed + ms;
      for (let timer = next(); timer !== undefined && timer.dueMs <= end; timer = next()) {
        elapsed = Math.max(elapsed, timer.dueMs);
        if (timer.periodMs === undefined) pending.delete(timer);
        else timer.dueMs += timer.periodMs;
        timer.callback();
      }
      elapsed = end;
    },
    setWall(nowMs) {
      wallOffset = nowMs - elapsed;
    },
    nextTimerMs: () => next()?.dueMs,
    elapsedMs: () => elapsed,
  };
}

/** Chance from a seed (SplitMix64): the same seed gives the same run. Not for secrets. */
export function createSeededRandom(seed: number): Random {
  let state = BigInt.asUintN(64, BigInt(seed) * 0x9e3779b97f4a7c15n + 0x632be59bd9b4e019n);
  const next = (): bigint => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  };
  const bytes = (length: number): Buffer => {
    const result = Buffer.alloc(Math.ceil(length / 8) * 8);
    for (let at = 0; at < length; at += 8) result.writeBigUInt64LE(next(), at);
    return result.subarray(0, length);
  };
  return { bytes, float: () => Number(next() >> 11n) / 2 ** 53, uuidv7: createUuidv7(bytes) };
}
