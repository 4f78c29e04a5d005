/** So many batches a delivery loop may hand out on microtasks alone before sockets and timers get a turn. */
const BATCHES_MAX = 64;

/** Returns a function for a loop to await after each batch; now and then it gives way for one turn of the event loop. */
export function createFairness(): () => Promise<void> | undefined {
  let batches = 0;
  return () => {
    batches += 1;
    if (batches % BATCHES_MAX !== 0) return undefined;
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  };
}
