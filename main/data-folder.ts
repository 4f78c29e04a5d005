/** The data folder: made private, and held by one process at a time. */
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { mainError } from './errors.ts';

export interface DataFolder {
  readonly path: string;
  /** Gives the folder free. */
  release(): void;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Removes the lock of a process that is gone. By renaming, which one of several can do only once: whoever got a lock that
 * somebody has taken in the meantime puts it back.
 */
function removeStale(lock: string, text: string): void {
  const aside = `${lock}.${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(aside, 'utf8') !== text) linkSync(aside, lock);
  rmSync(aside);
}

/** Takes the folder; a lock whose process is gone is taken over. Throws DATA_FOLDER_IN_USE. */
export function takeDataFolder(folder: string): DataFolder {
  const path = resolve(folder);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = join(path, 'lock');
  for (let attempt = 0; ; attempt += 1) {
    try {
      const descriptor = openSync(lock, 'wx', 0o600);
      writeSync(descriptor, String(process.pid));
      closeSync(descriptor);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const text = readFileSync(lock, 'utf8');
      const pid = Number(text);
      // An empty lock was left by a crash between its two steps, a dead pid by a kill.
      if (attempt > 0 || (pid > 0 && pid !== process.pid && isAlive(pid)))
        throw mainError('DATA_FOLDER_IN_USE', { folder: path, pid });
      removeStale(lock, text);
    }
  }
  return { path, release: () => rmSync(lock, { force: true }) };
}
