import type { Clock, Timer } from '../../../platform/clock/clock.ts';

/** Who needs a connection to a target that is kept ready for all of them. */
export interface Attachments {
  /** One more; returns what to call when it needs it no more. */
  attach(): () => void;
  any(): boolean;
  /** Nobody is waited for any more. */
  close(): void;
}

/** Calls `leave` when nobody has needed it for `lingerMs`. */
export function createAttachments(clock: Clock, lingerMs: number, leave: () => void): Attachments {
  let count = 0;
  let linger: Timer | undefined;
  return {
    attach() {
      count += 1;
      linger?.cancel();
      let attached = true;
      return () => {
        if (!attached) return;
        attached = false;
        count -= 1;
        if (count === 0) linger = clock.after(lingerMs, leave, { background: true });
      };
    },
    any: () => count > 0,
    close: () => linger?.cancel(),
  };
}
