/** So many at once; who comes later waits for a place, first come first served. Waiters are bounded by their callers: one per partition. */
export interface Slots {
  /** Resolves with the function that gives the place back. */
  take(): Promise<() => void>;
}

export function createSlots(max: number): Slots {
  let free = max;
  const waiting: (() => void)[] = [];
  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    async take() {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      let given = false;
      return () => {
        if (!given) release();
        given = true;
      };
    },
  };
}
