/** Wakes the one loop that waits. Check and wait belong in one synchronous step, so that nothing is missed. */
export interface Signal {
  wait(): Promise<void>;
  notify(): void;
}

export function createSignal(): Signal {
  let wake: (() => void) | undefined;
  return {
    wait: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
    notify() {
      const resolve = wake;
      wake = undefined;
      resolve?.();
    },
  };
}
