/** A server that outlived the process that started it (kill -9): it holds the data, so that the next start must end it first. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../platform/clock/clock.ts';

/** Ends open sessions; then, where it does not end, as a crash would. PostgreSQL recovers from both. */
const SIGNALS = ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const;
const POLLS_MAX = 500;
const POLL_MS = 10;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The command line of a process; empty where there is none. */
function commandOf(pid: number): string {
  const file = `/proc/${pid}/cmdline`;
  if (existsSync(file)) return readFileSync(file, 'utf8').replaceAll('\0', ' ');
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '';
}

const numberIn = (path: string): number =>
  existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) : 0;

/**
 * Ends the server of the data folder `data` if the process that started it, by the number in `starterFile`, is gone. A server whose
 * starter lives is left alone. Resolves when the server is gone, or nothing was to be done.
 */
export async function endLeftoverServer(clock: Clock, data: string, starterFile: string): Promise<void> {
  const pid = numberIn(join(data, 'postmaster.pid'));
  const starter = numberIn(starterFile);
  if (!(pid > 0) || !(starter > 0) || (starter !== process.pid && isAlive(starter))) return;
  // The number may be another process's by now; then PostgreSQL itself finds that its lock is stale.
  if (!isAlive(pid) || !commandOf(pid).includes(data)) return;
  for (const signal of SIGNALS) {
    process.kill(pid, signal);
    for (let poll = 0; poll < POLLS_MAX && isAlive(pid); poll += 1) await clock.sleep(POLL_MS);
    if (!isAlive(pid)) return;
  }
}
