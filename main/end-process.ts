/**
 * Ends the process. Node can deadlock in `process.exit` while V8 still compiles in the background (nodejs/node#54918, #64274): the
 * main thread joins a thread that waits for the main thread's garbage collection. A moment of idleness lets such work end first.
 */
import type { Clock } from '../platform/clock/clock.ts';

const IDLE_MS = 60;

export async function endProcess(clock: Clock, exitCode: number): Promise<never> {
  await clock.sleep(IDLE_MS);
  process.exit(exitCode);
}
