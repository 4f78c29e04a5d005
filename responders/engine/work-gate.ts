/** Lets so many pieces of work run at once; the next waits until one ends. */
export interface WorkGate {
  enter(): Promise<void>;
  leave(): void;
  /** Resolves when nothing runs. */
  idle(): Promise<void>;
  readonly running: number;
}

export function createWorkGate(runningMax: number): WorkGate {
  let running = 0;
  const waiting: (() => void)[] = [];
  const idlers: (() => void)[] = [];
  return {
    async enter() {
      if (running < runningMax) running += 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    leave() {
      const next = waiting.shift();
      // The place goes over to who waits.
      if (next !== undefined) {
        next();
        return;
      }
      running -= 1;
      if (running === 0) for (const resolve of idlers.splice(0)) resolve();
    },
    idle: () => (running === 0 ? Promise.resolve() : new Promise<void>((resolve) => idlers.push(resolve))),
    get running() {
      return running;
    },
  };
}
