/**
 * Carries sealed chunks from the local folder to the recording store, in order; the local copy goes once the store has verified its own,
 * or has taken it over.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Clock } from '../../platform/clock/clock.ts';
import type { Disk, DiskFile } from '../../platform/disk/disk.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { ChunkInfo, RecordingStore } from '../../platform/recording-store/recording-store.ts';
import { wholeChunk } from './recording-frame.ts';

export interface ChunkUploads {
  /** Takes up what an earlier process left. */
  start(): void;
  /** Of this process: chunks follow, and its folder stays until it is sealed. */
  begin(recordingId: string): void;
  /**
   * Writes more of a chunk into the folder, and with `last` sees to the rest. Throws where the disk does not take it; then nothing was
   * added.
   */
  append(recordingId: string, index: number, parts: readonly Buffer[], last: boolean): void;
  /** The recording has so many chunks: its manifest follows them. */
  seal(recordingId: string, chunks: number): void;
  localBytes(): number;
  /** Resolves when nothing is under way; what is left waits for the next start. */
  stop(): Promise<void>;
}

export interface ChunkUploadsDeps {
  readonly store: RecordingStore;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
}

const RETRY_DELAY_MS_MIN = 100;
const RETRY_DELAY_MS_MAX = 10_000;
const GATHERED_BYTES_MAX = 16 * 1024;
const SEALED = 'sealed';
/** Of a chunk that is still written. */
const PART = '.part';
const chunkName = (index: number): string => `${String(index).padStart(8, '0')}.chunk`;

interface Part {
  readonly file: DiskFile;
  readonly hash: Hash;
}

/** Nothing is added where one of them cannot be. Returns their bytes. */
function appendAll(file: DiskFile, parts: readonly Buffer[]): number {
  const before = file.size();
  try {
    // What is small goes in one call.
    const large = parts.findIndex((part) => part.length > GATHERED_BYTES_MAX);
    const rest = large === -1 ? parts.length : large;
    file.append(Buffer.concat(parts.slice(0, rest)));
    for (const part of parts.slice(rest)) file.append(part);
  } catch (error) {
    file.truncate(before);
    throw error;
  }
  return file.size() - before;
}

export interface RecordingManifest {
  readonly recordingId: string;
  /** False where a crash ended it. */
  readonly complete: boolean;
  readonly sealedAt: number;
  readonly chunks: readonly ChunkInfo[];
}

export function createChunkUploads(
  { store, disk, clock, log }: ChunkUploadsDeps,
  { recordingFolder }: { readonly recordingFolder: string },
): ChunkUploads {
  const stopping = new AbortController();
  const running = new Map<string, Promise<void>>();
  const again = new Set<string>();
  /** Recordings of this process that still get chunks, and the file that is written now. */
  const open = new Map<string, Part | undefined>();
  /** Of chunks that this process wrote, by path: the others are read. */
  const written = new Map<string, ChunkInfo>();
  let local = 0;
  const folderOf = (recordingId: string): string => `${recordingFolder}/${recordingId}`;

  /** Returns the bytes that the local copy had. */
  const putChunk = async (recordingId: string, path: string, index: number): Promise<number> => {
    const file = disk.open(path);
    const size = file.size();
    const bytes = await file.read(0, size);
    file.close();
    await store.putChunk(recordingId, index, wholeChunk(bytes));
    disk.remove(path);
    return size;
  };
  const uploadOnce = async (recordingId: string): Promise<void> => {
    const folder = folderOf(recordingId);
    // Before looking: what is sealed meanwhile is looked at again.
    const wasOpen = open.has(recordingId);
    const names = disk.list(folder);
    for (const name of names.filter((candidate) => candidate.endsWith('.chunk'))) {
      const path = `${folder}/${name}`;
      const info = written.get(path);
      if (info !== undefined && (await store.adoptChunk?.(recordingId, info, path)) === true)
        local -= info.bytes;
      else local -= await putChunk(recordingId, path, Number.parseInt(name, 10));
      written.delete(path);
    }
    const complete = names.includes(SEALED);
    if (!complete && wasOpen) return;
    const manifest: RecordingManifest = {
      recordingId,
      complete,
      sealedAt: clock.now(),
      chunks: await store.chunks(recordingId),
    };
    await store.putManifest(recordingId, Buffer.from(JSON.stringify(manifest)));
    disk.remove(folder);
  };
  const upload = async (recordingId: string): Promise<void> => {
    let delayMs = RETRY_DELAY_MS_MIN;
    while (!stopping.signal.aborted && again.delete(recordingId)) {
      try {
        await uploadOnce(recordingId);
        delayMs = RETRY_DELAY_MS_MIN;
      } catch (error) {
        log.warn({ error, recordingId, delayMs }, 'a recording could not be stored; trying again');
        again.add(recordingId);
        await clock.sleep(delayMs, stopping.signal).catch(() => undefined);
        delayMs = Math.min(RETRY_DELAY_MS_MAX, delayMs * 2);
      }
    }
  };
  /** What an earlier process left: whole pieces of a chunk that it was writing are a chunk. Returns its bytes. */
  const takeUp = (path: string): number => {
    const file = disk.open(path);
    try {
      const size = file.size();
      if (!path.endsWith(PART)) return size;
      if (wholeChunk(file.readSync(0, size)).length > 0) {
        disk.rename(path, path.slice(0, -PART.length));
        return size;
      }
      disk.remove(path);
      return 0;
    } finally {
      file.close();
    }
  };
  const kick = (recordingId: string): void => {
    again.add(recordingId);
    if (running.has(recordingId) || stopping.signal.aborted) return;
    const work = upload(recordingId).finally(() => {
      running.delete(recordingId);
      if (again.has(recordingId)) kick(recordingId);
    });
    running.set(recordingId, work);
  };
  return {
    start() {
      disk.makeFolder(recordingFolder);
      for (const recordingId of disk.list(recordingFolder)) {
        for (const name of disk.list(folderOf(recordingId)))
          local += takeUp(`${folderOf(recordingId)}/${name}`);
        kick(recordingId);
      }
    },
    begin: (recordingId) => void open.set(recordingId, undefined),
    append(recordingId, index, parts, last) {
      const folder = folderOf(recordingId);
      if (index === 0 && open.get(recordingId) === undefined) disk.makeFolder(folder);
      const path = `${folder}/${chunkName(index)}`;
      const part = open.get(recordingId) ?? { file: disk.open(`${path}${PART}`), hash: createHash('sha256') };
      open.set(recordingId, part);
      local += appendAll(part.file, parts);
      for (const bytes of parts) part.hash.update(bytes);
      if (!last) return;
      open.set(recordingId, undefined);
      const bytes = part.file.size();
      part.file.close();
      disk.rename(`${path}${PART}`, path);
      written.set(path, { index, bytes, sha256: part.hash.digest('hex') });
      kick(recordingId);
    },
    seal(recordingId, chunks) {
      open.delete(recordingId);
      // A recording without a frame has no folder, and needs no manifest.
      if (chunks === 0) return;
      try {
        disk.open(`${folderOf(recordingId)}/${SEALED}`).close();
      } catch (error) {
        log.warn({ error, recordingId }, 'the end of a recording could not be marked');
      }
      kick(recordingId);
    },
    localBytes: () => local,
    async stop() {
      stopping.abort();
      await Promise.all(running.values());
    },
  };
}
