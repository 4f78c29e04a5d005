import type { DiskFile } from './disk.ts';
import { createSharedFlush } from './shared-flush.ts';

/** Bytes of a simulated file; those past `durable` are not flushed. */
export interface Inode {
  data: Buffer;
  length: number;
  durable: number;
}

/** What a simulated file asks of its disk. */
export interface SimulatedWorld {
  /** Grows with each crash; files of an earlier one are dead. */
  generation(): number;
  /** Bytes left on the disk. */
  spare(): number;
  /** Runs `work` when the operation completes; never after a crash. */
  complete<T>(work: () => T): Promise<T>;
  flushFails(): boolean;
}

const failure = (code: string, message: string): Error =>
  Object.assign(new Error(`${code}: ${message}`), { code });

export function createSimulatedFile(world: SimulatedWorld, inode: Inode): DiskFile {
  const born = world.generation();
  let closed = false;
  const check = (): void => {
    if (born !== world.generation()) throw failure('EIO', 'the machine crashed');
    if (closed) throw failure('EBADF', 'file is closed');
  };
  const append = (bytes: Uint8Array): void => {
    if (bytes.byteLength > world.spare()) throw failure('ENOSPC', 'no space left on device, write');
    const end = inode.length + bytes.byteLength;
    if (end > inode.data.length) {
      const grown = Buffer.alloc(Math.max(end, inode.data.length * 2));
      inode.data.copy(grown, 0, 0, inode.length);
      inode.data = grown;
    }
    inode.data.set(bytes, inode.length);
    inode.length = end;
  };
  const read = (position: number, length: number): Buffer => {
    const end = Math.min(inode.length, position + length);
    return Buffer.from(inode.data.subarray(Math.min(position, end), end));
  };
  const flushShared = createSharedFlush(() => {
    const covered = inode.length;
    return world.complete(() => {
      if (world.flushFails()) throw failure('EIO', 'i/o error, fdatasync');
      inode.durable = Math.max(inode.durable, Math.min(covered, inode.length));
    });
  });
  return {
    size: () => inode.length,
    append(bytes) {
      check();
      append(bytes);
    },
    async appendAll(pieces) {
      check();
      await world.complete(() => append(Buffer.concat(pieces)));
    },
    async read(position, length) {
      check();
      return world.complete(() => read(position, length));
    },
    readSync(position, length) {
      check();
      return read(position, length);
    },
    async flush() {
      check();
      await flushShared();
    },
    flushSync() {
      check();
      if (world.flushFails()) throw failure('EIO', 'i/o error, fdatasync');
      inode.durable = inode.length;
    },
    truncate(length) {
      check();
      inode.length = Math.min(length, inode.length);
      inode.durable = Math.min(inode.durable, inode.length);
    },
    close() {
      closed = true;
    },
  };
}
