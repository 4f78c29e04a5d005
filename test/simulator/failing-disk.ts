/** A process's disk that can end the process at its next so many-th change, in the middle of a write. */
import type { Disk, DiskFile } from '../../platform/disk/disk.ts';
import type { Chance } from './chance.ts';

export interface FailingDisk extends Disk {
  /** The process dies at the change after `changes` more. */
  dieAfter(changes: number): void;
}

export function createFailingDisk(disk: Disk, chance: Chance, die: () => void): FailingDisk {
  let left = Number.POSITIVE_INFINITY;
  /** Runs `partly` and dies where the count is reached. */
  const change = (partly: () => void = () => undefined): void => {
    left -= 1;
    if (left > 0) return;
    left = Number.POSITIVE_INFINITY;
    partly();
    die();
    throw Object.assign(new Error('EIO: the process died'), { code: 'EIO' });
  };
  const file = (inner: DiskFile): DiskFile => ({
    size: () => inner.size(),
    append(bytes) {
      change(() => inner.append(bytes.subarray(0, chance.whole(0, bytes.length))));
      inner.append(bytes);
    },
    async appendAll(pieces) {
      change();
      await inner.appendAll(pieces);
    },
    read: (position, length) => inner.read(position, length),
    readSync: (position, length) => inner.readSync(position, length),
    flush: () => inner.flush(),
    flushSync() {
      change();
      inner.flushSync();
    },
    truncate(length) {
      change();
      inner.truncate(length);
    },
    close: () => inner.close(),
  });
  return {
    dieAfter: (changes) => void (left = changes),
    open: (path) => file(disk.open(path)),
    list: (folder) => disk.list(folder),
    exists: (path) => disk.exists(path),
    makeFolder: (path) => disk.makeFolder(path),
    remove(path) {
      change();
      disk.remove(path);
    },
    rename(from, to) {
      change();
      disk.rename(from, to);
    },
    syncFolder(path) {
      change();
      disk.syncFolder(path);
    },
  };
}
