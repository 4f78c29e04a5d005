/** Waits until the screen shows what was typed, or until nothing more comes. Bounded. */
import type { Clock, Timer } from '../../../../platform/clock/clock.ts';

/** Silence after which the screen is taken for finished, milliseconds. */
export const QUIET_MS = 25;
/** The longest wait for an echo, milliseconds. */
export const ECHO_MS_MAX = 300;
/** Both behind an interrupt: a shell notices it late, at some key that it then swallows, and shows only then what it has. */
const INTERRUPTED_QUIET_MS = 200;
const INTERRUPTED_MS_MAX = 1000;

export interface Patience {
  readonly quietMs: number;
  readonly echoMsMax: number;
}
const USUAL: Patience = { quietMs: QUIET_MS, echoMsMax: ECHO_MS_MAX };
export const INTERRUPTED: Patience = { quietMs: INTERRUPTED_QUIET_MS, echoMsMax: INTERRUPTED_MS_MAX };

export interface Settle {
  /** Output came. */
  output(): void;
  /** Keys went to the target. */
  input(): void;
  /** Resolves once `shown()` is true, or output after the last keys has fallen silent, or the time is over. */
  wait(shown: () => boolean, needsEcho: boolean, patience?: Patience): Promise<void>;
  close(): void;
}

export function createSettle(clock: Clock): Settle {
  let lastOutputUs = -Infinity;
  let lastInputUs = -Infinity;
  let check: (() => void) | null = null;
  let timer: Timer | null = null;
  return {
    output() {
      lastOutputUs = clock.monotonicUs();
      check?.();
    },
    input() {
      lastInputUs = clock.monotonicUs();
    },
    wait(shown, needsEcho, { quietMs, echoMsMax } = USUAL) {
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
          const echoed = !needsEcho || lastOutputUs > lastInputUs;
          const quiet = nowUs - Math.max(lastOutputUs, needsEcho ? lastInputUs : -Infinity) >= quietMs * 1000;
          if (shown() || (echoed && quiet) || nowUs - startUs >= echoMsMax * 1000) return done();
          timer?.cancel();
          timer = clock.after(QUIET_MS, () => check?.(), { background: true });
          return undefined;
        };
        check();
      });
    },
    close() {
      lastOutputUs = -Infinity;
      timer?.cancel();
      const last = check;
      check = null;
      if (last !== null) lastInputUs = -Infinity;
    },
  };
}
