/** Carries sealed chunks from the local folder to the recording store, in order; the local copy goes once the store has verified its own. */
import type { Clock } from '../../platform/clock/clock.ts';
import type { Disk } from '../../platform/disk/disk.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { ChunkInfo, RecordingStore } from '../../platform/recording-store/recording-store.ts';

export interface ChunkUploads {
  /** Takes up what an earlier process left. */
  start(): void;
  /** Writes a chunk locally and sees to the rest; resolves once it is in the folder, rejects where the disk does not take it. */
  add(recordingId: string, index: number, chunk: Buffer): Promise<void>;
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
const SEALED = 'sealed';
const chunkName = (index: number): string => `${String(index).padStart(8, '0')}.chunk`;

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
  /** Recordings of this process that still get chunks. */
  const open = new Set<string>();
  let local = 0;
  const folderOf = (recordingId: string): string => `${recordingFolder}/${recordingId}`;

  const uploadOnce = async (recordingId: string): Promise<void> => {
    const folder = folderOf(recordingId);
    // Before looking: what is sealed meanwhile is looked at again.
    const wasOpen = open.has(recordingId);
    const names = disk.list(folder);
    for (const name of names.filter((candidate) => candidate.endsWith('.chunk'))) {
      const file = disk.open(`${folder}/${name}`);
      const size = file.size();
      const bytes = await file.read(0, size);
      file.close();
      await store.putChunk(recordingId, Number.parseInt(name, 10), bytes);
      disk.remove(`${folder}/${name}`);
      local -= size;
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
        if (open.has(recordingId)) continue;
        for (const name of disk.list(folderOf(recordingId))) {
          const file = disk.open(`${folderOf(recordingId)}/${name}`);
          local += file.size();
          file.close();
        }
        kick(recordingId);
      }
    },
    async add(recordingId, index, chunk) {
      const folder = folderOf(recordingId);
      // It stays until the recording is sealed.
      if (!open.has(recordingId)) disk.makeFolder(folder);
      open.add(recordingId);
      // Under another name until it is whole: a torn chunk must not be taken for one.
      const path = `${folder}/${chunkName(index)}`;
      const file = disk.open(`${path}.part`);
      try {
        file.truncate(0);
        await file.appendAll([chunk]);
      } finally {
        file.close();
      }
      disk.rename(`${path}.part`, path);
      local += chunk.length;
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
