import fs from 'node:fs';
import type { Disk, DiskFile } from './disk.ts';
import { createNodeFile } from './node-file.ts';

/** The machine's disk, by node:fs. */
export function createNodeDisk(): Disk {
  return {
    open(path): DiskFile {
      return createNodeFile(fs.openSync(path, 'a+', 0o600));
    },
    list(folder) {
      try {
        return fs.readdirSync(folder).sort();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    },
    exists: (path) => fs.existsSync(path),
    makeFolder(path) {
      fs.mkdirSync(path, { recursive: true, mode: 0o700 });
    },
    remove(path) {
      fs.rmSync(path, { force: true, recursive: true });
    },
    rename(from, to) {
      fs.renameSync(from, to);
    },
    syncFolder(path) {
      const fd = fs.openSync(path, 'r');
      try {
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
    },
  };
}
