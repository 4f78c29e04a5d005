/** The life of one simulated process: when it ends, its timers never fire and what it waits for never comes. */
import type { Clock } from '../../platform/clock/clock.ts';

export interface Life {
  readonly name: string;
  readonly clock: Clock;
  alive(): boolean;
  /** Passes on how `work` ends, unless this process is dead by then. */
  guard<T>(work: Promise<T>): Promise<T>;
  onEnd(callback: () => void): void;
  /** Kills the process. */
  end(): void;
}

/** `wallAheadMs`: its machine's wall clock against the others'; time passes alike. */
export function createLife(clock: Clock, name: string, wallAheadMs = 0): Life {
  let alive = true;
  const endings: (() => void)[] = [];
  const timers = new Set<{ cancel(): void }>();
  const guard = <T>(work: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      work.then(
        (value) => alive && resolve(value),
        (error: unknown) => alive && reject(error as Error),
      );
    });
  return {
    name,
    alive: () => alive,
    guard,
    onEnd: (callback) => void endings.push(callback),
    end() {
      if (!alive) return;
      alive = false;
      for (const timer of timers) timer.cancel();
      for (const ending of endings) ending();
    },
    clock: {
      // Steps of a run fall between milliseconds; wall clocks show whole ones.
      now: () => Math.floor(clock.now()) + wallAheadMs,
      monotonicUs: () => clock.monotonicUs(),
      after(delayMs, callback) {
        const timer = clock.after(delayMs, () => {
          timers.delete(timer);
          if (alive) callback();
        });
        timers.add(timer);
        return {
          cancel() {
            timers.delete(timer);
            timer.cancel();
          },
        };
      },
      every(periodMs, callback) {
        const timer = clock.every(periodMs, () => {
          if (alive) callback();
        });
        timers.add(timer);
        return timer;
      },
      sleep: (delayMs, signal) => guard(clock.sleep(delayMs, signal)),
    },
  };
}
