/** Seals the pieces of recordings and writes them: into the local folder at once, from there to the recording store. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Random } from '../../platform/clock/clock.ts';
import { createChunkUploads, type ChunkUploadsDeps } from './chunk-uploads.ts';
import { chunkHead, sealPiece, type RecordingKey } from './recording-frame.ts';

export interface ChunkWriter {
  /** Takes up what an earlier process left. */
  start(): void;
  /** Before the first piece of a recording: what seals them. `index`: of its first chunk, where it goes on. */
  begin(recordingId: string, key: RecordingKey, index?: number): void;
  /**
   * Resolves once the piece is in the folder (or lost, where that takes nothing while everything stops). `frames` is read before this
   * returns. `last`: the chunk ends with it, and goes to the store.
   */
  write(recordingId: string, frames: Buffer, last: boolean): Promise<void>;
  /** Nothing follows: the manifest goes to the store, too. */
  end(recordingId: string): void;
  localBytes(): number;
  /** Resolves when nothing is under way; what is left waits for the next start. */
  stop(): Promise<void>;
}

export interface ChunkWriterDeps extends ChunkUploadsDeps {
  readonly random: Random;
}

export interface ChunkWriterConfig {
  readonly recordingFolder: string;
  readonly recordingLocalBytesMax: number;
}

const RETRY_MS = 250;

interface Place {
  readonly key: KeyObject;
  readonly head: Buffer;
  /** Of the chunk that is written, and of the next piece in it. */
  index: number;
  number: number;
  /** Pieces come one after the other, also where the disk makes one of them wait. */
  before: Promise<void> | undefined;
}

export function createChunkWriter(deps: ChunkWriterDeps, config: ChunkWriterConfig): ChunkWriter {
  const { clock, random, log } = deps;
  const uploads = createChunkUploads(deps, config);
  const places = new Map<string, Place>();
  const writes = new Set<Promise<void>>();
  let stopping = false;

  const append = async (
    recordingId: string,
    { index, number }: { readonly index: number; readonly number: number },
    parts: readonly Buffer[],
    last: boolean,
  ): Promise<void> => {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    for (;;) {
      try {
        // Not in the middle of a chunk: it could never be carried away.
        if (number === 0 && uploads.localBytes() + bytes > config.recordingLocalBytesMax)
          throw new Error('recordings wait for their store up to the bound');
        uploads.append(recordingId, index, parts, last);
        return;
      } catch (error) {
        if (stopping) {
          log.error({ error, recordingId }, 'the end of a recording is lost: its folder takes nothing');
          return;
        }
        log.warn({ error, recordingId }, 'a recording could not be written; its session waits');
        await clock.sleep(RETRY_MS);
      }
    }
  };
  return {
    start: uploads.start,
    begin(recordingId, key, index = 0) {
      places.set(recordingId, {
        key: createSecretKey(key.key),
        head: chunkHead(key),
        index,
        number: 0,
        before: undefined,
      });
      uploads.begin(recordingId);
    },
    write(recordingId, frames, last) {
      const place = places.get(recordingId)!;
      const { key, index, number } = place;
      const nonce = Buffer.from(random.bytes(12));
      const parts = sealPiece(recordingId, place, { key, nonce }, frames);
      if (place.number === 0) parts.unshift(place.head);
      place.number = last ? 0 : place.number + 1;
      place.index += last ? 1 : 0;
      const next = (): Promise<void> => append(recordingId, { index, number }, parts, last);
      const work = (place.before === undefined ? next() : place.before.then(next)).finally(() => {
        writes.delete(work);
        if (place.before === work) place.before = undefined;
      });
      place.before = work;
      writes.add(work);
      return work;
    },
    end(recordingId) {
      const chunks = places.get(recordingId)?.index ?? 0;
      places.delete(recordingId);
      uploads.seal(recordingId, chunks);
    },
    localBytes: uploads.localBytes,
    async stop() {
      stopping = true;
      // Who is written may be followed by more.
      while (writes.size > 0) await Promise.all(writes);
      await uploads.stop();
    },
  };
}
