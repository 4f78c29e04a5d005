/**
 * Loaded before each test file (test/run.ts): a file that hangs, or that leaves something open which keeps its process alive, ends with
 * an error that names what was open, instead of holding up the whole run. Node's own --test-timeout covers tests, not hooks and leaks.
 */
import { after } from 'node:test';
import { isMainThread } from 'node:worker_threads';

/** The longest file takes about two minutes on two busy cores. */
const FILE_MS_MAX = 900_000;
/** From the last test to the end of the process. */
const END_MS_MAX = 60_000;
const COLLECTED_BY_NOBODY = new Set(['PipeWrap', 'TTYWrap', 'Timeout']);

function endLater(afterMs: number, why: string): void {
  setTimeout(() => {
    const open = process.getActiveResourcesInfo();
    // Pipes may be the runner's own; they are named only where nothing else is left.
    const telling = open.filter((name) => !COLLECTED_BY_NOBODY.has(name));
    console.error(`${process.argv[1]}: ${why}; open: ${(telling.length > 0 ? telling : open).join(', ')}`);
    process.exit(1);
  }, afterMs).unref();
}

// Threads and processes that a test starts inherit the flag that loads this.
if (isMainThread && process.argv[1]?.endsWith('.test.ts') === true) {
  endLater(FILE_MS_MAX, `not done after ${FILE_MS_MAX / 1000} s`);
  // So that servers which a file has started end with it, also when the run is broken off.
  process.once('SIGTERM', () => process.exit(143));
  after(() => endLater(END_MS_MAX, `all tests are over, but the process does not end`));
}
