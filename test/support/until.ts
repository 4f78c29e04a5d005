/** Waiting for conditions: a test never sleeps for a time and hopes. */
import { createSystemClock } from '../../platform/clock/system-clock.ts';

export interface Patience {
  /** When to give up: far from what it takes on a machine that does much else. */
  readonly mostMs?: number;
  /** Between two looks. */
  readonly pauseMs?: number;
}

const clock = createSystemClock();

/** What is waited for; asked at the end where it can tell more then. */
type What = string | (() => string);

/** Waits until something is so; the failure names what. */
export async function until(
  what: What,
  so: () => boolean | Promise<boolean>,
  patience?: Patience,
): Promise<void>;
/** Resolves with the first value that is neither undefined nor false. */
export async function until<T>(
  what: What,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  patience?: Patience,
): Promise<T>;
export async function until<T>(
  what: What,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  { mostMs = 60_000, pauseMs = 10 }: Patience = {},
): Promise<T> {
  const endUs = clock.monotonicUs() + mostMs * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (clock.monotonicUs() > endUs)
      throw new Error(`waited in vain until ${typeof what === 'string' ? what : what()}`);
    await clock.sleep(pauseMs);
  }
}
