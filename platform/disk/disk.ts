/**
 * The disk as an argument, for what must survive crashes: spool and embedded event log. The simulator has a disk that loses
 * what was not flushed; production has node:fs. All paths are absolute. Errors are node's own (ENOSPC, EIO, ...).
 */
export interface Disk {
  /** Opens for reading and appending, creating the file (mode 0600) where absent. */
  open(path: string): DiskFile;
  /** Names in a folder, sorted; empty where the folder is absent. */
  list(folder: string): string[];
  exists(path: string): boolean;
  /** Makes a folder (mode 0700) and those above it. */
  makeFolder(path: string): void;
  remove(path: string): void;
  rename(from: string, to: string): void;
  /** Makes names in a folder durable. */
  syncFolder(path: string): void;
}

export interface DiskFile {
  /** Bytes in the file. */
  size(): number;
  /** Appends in order; on return the bytes are the operating system's (they survive kill -9, not a power cut). Throws on a full disk, then nothing was added. */
  append(bytes: Uint8Array): void;
  /** Appends several pieces as one write, off the main thread. */
  appendAll(pieces: readonly Uint8Array[]): Promise<void>;
  /** Reads up to `length` bytes at `position`; fewer at the end of the file. */
  read(position: number, length: number): Promise<Buffer>;
  readSync(position: number, length: number): Buffer;
  /** Resolves when all that was appended before survives a power cut (fdatasync). */
  flush(): Promise<void>;
  flushSync(): void;
  truncate(length: number): void;
  close(): void;
}
