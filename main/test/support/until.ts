/** Waiting for conditions, and errors as values. */
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 60_000;
const LOOK_MS = 10;

/** Resolves with the first value that is neither undefined nor false; rejects when patience is over. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await sleep(LOOK_MS);
  }
  throw new Error(`it never came to this: ${what}`);
}

export interface Failure {
  readonly code: string | undefined;
  readonly message: string;
}

/** How the work fails; throws where it does not. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { code, message };
  }
  throw new Error('it did not fail');
}
