/** Waits until the screen shows what was typed, or until nothing more comes. Bounded. */
import type { Clock, Timer } from '../../../../platform/clock/clock.ts';

/** Silence after which the screen is taken for finished, milliseconds. */
export const QUIET_MS = 25;
/** The longest wait for an echo, milliseconds. */
export const ECHO_MS_MAX = 300;
/** The longest wait for what must be shown before anything goes on: a prompt behind an interrupt, a line on a slow target. */
export const SHOWN_MS_MAX = 1000;

export interface Settle {
  /** Output came. */
  output(): void;
  /** Keys went to the target. */
  input(): void;
  /** Output came after the last keys. */
  echoed(): boolean;
  /** Resolves once `shown()` is true, or output after the last keys has fallen silent, or the time is over. */
  wait(shown: () => boolean, needsEcho: boolean): Promise<void>;
  /** Resolves once `shown()` is true and nothing more comes; else when the time is over. */
  insist(shown: () => boolean): Promise<void>;
  close(): void;
}

export function createSettle(clock: Clock): Settle {
  let lastOutputUs = -Infinity;
  let lastInputUs = -Infinity;
  let check: (() => void) | null = null;
  let timer: Timer | null = null;
  let closed = false;
  const echoed = (): boolean => lastOutputUs > lastInputUs;
  /** Asks at each output and after each silence. */
  const poll = (isDone: (nowUs: number) => boolean, mostMs: number): Promise<void> => {
    const startUs = clock.monotonicUs();
    return new Promise((resolve) => {
      const done = (): void => {
        timer?.cancel();
        timer = null;
        check = null;
        resolve();
      };
      check = () => {
        const nowUs = clock.monotonicUs();
        if (closed || isDone(nowUs) || nowUs - startUs >= mostMs * 1000) return done();
        timer?.cancel();
        timer = clock.after(QUIET_MS, () => check?.(), { background: true });
        return undefined;
      };
      check();
    });
  };
  const isQuiet = (sinceUs: number, nowUs: number): boolean => nowUs - sinceUs >= QUIET_MS * 1000;
  return {
    output() {
      lastOutputUs = clock.monotonicUs();
      check?.();
    },
    input() {
      lastInputUs = clock.monotonicUs();
    },
    echoed,
    wait: (shown, needsEcho) =>
      poll((nowUs) => {
        const since = Math.max(lastOutputUs, needsEcho ? lastInputUs : -Infinity);
        return shown() || ((!needsEcho || echoed()) && isQuiet(since, nowUs));
      }, ECHO_MS_MAX),
    insist: (shown) => poll((nowUs) => isQuiet(lastOutputUs, nowUs) && shown(), SHOWN_MS_MAX),
    close() {
      closed = true;
      check?.();
    },
  };
}
