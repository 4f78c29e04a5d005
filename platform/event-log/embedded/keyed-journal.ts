import { dirname } from 'node:path';
import type { Disk, DiskFile } from '../../disk/disk.ts';
import { isFull } from './disk-error.ts';
import { checkFrame, decodeFrame, encodeFrames } from '../frame.ts';

/** A durable map from short names to numbers: an append-only file, rewritten when mostly outdated. */
export interface KeyedJournal {
  get(name: string): number | undefined;
  entries(): ReadonlyMap<string, number>;
  /** Sets a number; on return it survives kill -9. */
  set(name: string, value: number): void;
  /** Resolves when all that was set survives a power cut. */
  flush(): Promise<void>;
  close(): void;
}

const ENTRY_BYTES_MAX = 64 * 1024;
/** The file is rewritten at this size, or at four times what it must hold. */
const REWRITE_BYTES_MIN = 4 * 1024 * 1024;

/** Opens the journal at `path`; a torn end is cut off, as nothing in it was promised. */
export function openKeyedJournal(disk: Disk, path: string, salt: number): KeyedJournal {
  const values = new Map<string, number>();
  const encode = (name: string, value: number): Buffer => {
    const bytes = Buffer.alloc(6);
    bytes.writeUIntBE(value, 0, 6);
    return encodeFrames([{ offset: 0, timestamp: 0, key: name, value: bytes, headers: {} }], salt).bytes;
  };
  const load = (file: DiskFile): void => {
    const bytes = file.readSync(0, file.size());
    let at = 0;
    for (;;) {
      const check = checkFrame(bytes, at, ENTRY_BYTES_MAX, salt);
      if (check.kind !== 'whole') break;
      const entry = decodeFrame(bytes, at, '', 0);
      if (entry.key !== null && entry.value !== null)
        values.set(entry.key, (entry.value as Buffer).readUIntBE(0, 6));
      at += check.bytes;
    }
    if (at < bytes.length) file.truncate(at);
  };
  disk.remove(`${path}.new`);
  let file = disk.open(path);
  load(file);
  disk.syncFolder(dirname(path));

  const rewrite = (): void => {
    disk.remove(`${path}.new`);
    const next = disk.open(`${path}.new`);
    next.append(Buffer.concat([...values].map(([name, value]) => encode(name, value))));
    next.flushSync();
    disk.rename(`${path}.new`, path);
    disk.syncFolder(dirname(path));
    file.close();
    file = next;
  };
  let liveBytes = 0;
  for (const [name, value] of values) liveBytes += encode(name, value).length;
  return {
    get: (name) => values.get(name),
    entries: () => values,
    set(name, value) {
      file.append(encode(name, value));
      values.set(name, value);
      if (file.size() < Math.max(REWRITE_BYTES_MIN, liveBytes * 4)) return;
      try {
        rewrite();
      } catch (error) {
        // The old file holds everything; a full disk only keeps it long.
        if (!isFull(error)) throw error;
      }
      liveBytes = file.size();
    },
    flush: () => file.flush(),
    close() {
      file.close();
    },
  };
}
