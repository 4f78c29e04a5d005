import fs from 'node:fs';
import { promisify } from 'node:util';
import type { DiskFile } from './disk.ts';
import { createSharedFlush } from './shared-flush.ts';

const fdatasync = promisify(fs.fdatasync);

/** Greatest number of buffers that one writev takes (IOV_MAX on Linux and macOS). */
const PIECES_MAX = 1024;

const readAt = (fd: number, buffer: Buffer, at: number, position: number): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.read(fd, buffer, at, buffer.length - at, position, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    );
  });

const writePieces = (fd: number, pieces: readonly Uint8Array[]): Promise<number> =>
  new Promise((resolve, reject) => {
    fs.writev(fd, pieces, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });

/** What remains of `pieces` after `written` bytes. */
function afterBytes(pieces: readonly Uint8Array[], written: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = written;
  for (const piece of pieces) {
    if (skip >= piece.byteLength) {
      skip -= piece.byteLength;
      continue;
    }
    rest.push(piece.subarray(skip));
    skip = 0;
  }
  return rest;
}

/** A file opened for append and read (`a+`). The descriptor is closed only when nothing of the kernel's still uses it. */
export function createNodeFile(fd: number): DiskFile {
  let size = fs.fstatSync(fd).size;
  let running = 0;
  let closing = false;
  let closed = false;
  let writing: Promise<void> | undefined;

  const closeIfIdle = (): void => {
    if (!closing || closed || running > 0) return;
    closed = true;
    fs.closeSync(fd);
  };
  const checkOpen = (): void => {
    if (closing) throw Object.assign(new Error('EBADF: file is closed'), { code: 'EBADF' });
  };
  const hold = async <T>(work: () => Promise<T>): Promise<T> => {
    running += 1;
    try {
      return await work();
    } finally {
      running -= 1;
      closeIfIdle();
    }
  };
  const checkNotWriting = (): void => {
    if (writing !== undefined) throw new Error('append while an appendAll of the same file is under way');
  };
  /** Takes back what a failed append left, so that the file ends where it did before. */
  const takeBack = (error: unknown): never => {
    fs.ftruncateSync(fd, size);
    throw error;
  };
  const flushShared = createSharedFlush(() => fdatasync(fd));

  const writeAll = async (pieces: readonly Uint8Array[]): Promise<void> => {
    let rest: readonly Uint8Array[] = pieces.filter((piece) => piece.byteLength > 0);
    let added = 0;
    try {
      while (rest.length > 0) {
        const written = await writePieces(fd, rest.slice(0, PIECES_MAX));
        added += written;
        rest = afterBytes(rest, written);
      }
    } catch (error) {
      takeBack(error);
    }
    size += added;
  };

  return {
    size: () => size,
    append(bytes) {
      checkOpen();
      checkNotWriting();
      let done = 0;
      try {
        while (done < bytes.byteLength) done += fs.writeSync(fd, bytes, done, bytes.byteLength - done);
      } catch (error) {
        takeBack(error);
      }
      size += done;
    },
    async appendAll(pieces) {
      checkOpen();
      const before = writing ?? Promise.resolve();
      const mine = hold(() => before.catch(() => undefined).then(() => writeAll(pieces)));
      writing = mine;
      try {
        await mine;
      } finally {
        if (writing === mine) writing = undefined;
      }
    },
    async read(position, length) {
      checkOpen();
      const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - position)));
      let done = 0;
      await hold(async () => {
        while (done < buffer.length) {
          const got = await readAt(fd, buffer, done, position + done);
          if (got === 0) break;
          done += got;
        }
      });
      return buffer.subarray(0, done);
    },
    readSync(position, length) {
      checkOpen();
      const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - position)));
      let done = 0;
      while (done < buffer.length) {
        const got = fs.readSync(fd, buffer, done, buffer.length - done, position + done);
        if (got === 0) break;
        done += got;
      }
      return buffer.subarray(0, done);
    },
    async flush() {
      checkOpen();
      // Held for the whole wait: a shared flush may begin only after the file was closed by its owner.
      await hold(flushShared);
    },
    flushSync() {
      checkOpen();
      fs.fdatasyncSync(fd);
    },
    truncate(length) {
      checkOpen();
      checkNotWriting();
      fs.ftruncateSync(fd, length);
      size = length;
    },
    close() {
      closing = true;
      closeIfIdle();
    },
  };
}
