import type { Clock } from '../../clock/clock.ts';

/** How long a delivery loop may run on microtasks alone before sockets and timers get a turn. */
const TURN_US_MAX = 5_000;

/** Returns a function for a loop to await now and then; it gives way when the loop has held the thread for too long. */
export function createFairness(clock: Clock): () => Promise<void> | undefined {
  let began = clock.monotonicUs();
  let batches = 0;
  return () => {
    batches += 1;
    if (batches % 16 !== 0) return undefined;
    const now = clock.monotonicUs();
    if (now - began < TURN_US_MAX) return undefined;
    return clock.sleep(0).then(() => {
      began = clock.monotonicUs();
    });
  };
}
