/** Records sessions: frames are gathered into pieces, sealed with the session's own key, and carried to the recording store. */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { RecordingStore } from '../../platform/recording-store/recording-store.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { KeyWrapper } from '../credentials/embedded-vault.ts';
import { ownCopy } from '../credentials/own-copy.ts';
import type { RecordingManifest } from './chunk-uploads.ts';
import type { ChunkWriter } from './chunk-writer.ts';
import { recordingError } from './errors.ts';
import { createFrameGatherer, keyContext, openChunk, type RecordingFrame } from './recording-frame.ts';
import type { Recorder, RecordingHandle } from './recorder.ts';

export interface Recordings extends Recorder {
  start(): void;
  stop(): Promise<void>;
  localBytes(): number;
}

export interface RecordingsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly wrapper: KeyWrapper;
  readonly writer: ChunkWriter;
}

/** A chunk goes to the store at the latest after this, so that a session can be watched. */
const CHUNK_MS = 1000;
const PIECE_BYTES_MAX = 256 * 1024;
const FRAME_BYTES_MAX = 128 * 1024;
/** And when it has so many bytes. */
const CHUNK_BYTES_MAX = 4 * 1024 * 1024;

export function createRecordings(
  { clock, random, wrapper, writer }: RecordingsDeps,
  config: Pick<GatewayConfig, 'recordingAheadBytesMax' | 'recordingLocalBytesMax'>,
): Recordings {
  // A part of it: while some pieces are written, the next may gather.
  const pieceBytes = Math.min(PIECE_BYTES_MAX, Math.ceil(config.recordingAheadBytesMax / 4));
  // Chunks that have begun may go past what may wait.
  const fullBytes = Math.min(CHUNK_BYTES_MAX, Math.ceil(config.recordingLocalBytesMax / 4));
  const writes = new Set<Promise<void>>();

  const begin = (recordingId: string): RecordingHandle => {
    const key = ownCopy(random.bytes(32));
    writer.begin(recordingId, { key, wrapped: ownCopy(wrapper.wrap(keyContext(recordingId), key)) });
    const gathered = createFrameGatherer();
    /** Bytes that are not in the folder yet. */
    let ahead = 0;
    /** Pieces and bytes of the chunk that is written. */
    let pieces = 0;
    let chunkBytes = 0;
    let timer: { cancel(): void } | undefined;
    let isDue = false;
    /** Pieces under way. */
    let writing = 0;
    let closed = false;
    let waiting: (() => void)[] = [];

    const writePiece = async (): Promise<void> => {
      const size = gathered.bytes;
      chunkBytes += size;
      const last = isDue || closed || chunkBytes >= fullBytes;
      if (last) {
        pieces = 0;
        chunkBytes = 0;
        isDue = false;
        timer?.cancel();
        timer = undefined;
      } else pieces += 1;
      let written: Promise<void> | undefined;
      gathered.take((frames) => {
        written = writer.write(recordingId, frames, last);
      });
      await written;
      ahead -= size;
      const woken = waiting;
      waiting = [];
      for (const resolve of woken) resolve();
    };
    const finishIfClosed = (): void => {
      if (closed && writing === 0 && gathered.bytes === 0 && pieces === 0) writer.end(recordingId);
    };
    /** Whether there is something that should not wait for more; an empty piece ends a chunk that nothing follows. */
    const hasPiece = (): boolean =>
      gathered.bytes >= pieceBytes || ((closed || isDue) && (gathered.bytes > 0 || pieces > 0));
    const flush = (): void => {
      writing += 1;
      const work = writePiece().finally(() => {
        writes.delete(work);
        writing -= 1;
        finishIfClosed();
      });
      writes.add(work);
    };
    const due = (): void => {
      timer = undefined;
      isDue = true;
      flush();
    };
    return {
      sink: {
        write(stream, requestId, data) {
          if (closed || data.length === 0) return true;
          const time = clock.now();
          for (let at = 0; at < data.length; at += FRAME_BYTES_MAX) {
            const whole = data.length <= FRAME_BYTES_MAX;
            const bytes = whole ? data : data.subarray(at, at + FRAME_BYTES_MAX);
            ahead += gathered.add({ time, stream, requestId, bytes });
          }
          timer ??= clock.after(CHUNK_MS, due, { background: true });
          if (gathered.bytes >= pieceBytes) flush();
          return ahead <= config.recordingAheadBytesMax;
        },
        async drained() {
          while (ahead > config.recordingAheadBytesMax) {
            if (gathered.bytes > 0) flush();
            await new Promise<void>((resolve) => waiting.push(resolve));
          }
        },
      },
      close() {
        if (closed) return;
        closed = true;
        timer?.cancel();
        if (hasPiece()) flush();
        else finishIfClosed();
      },
    };
  };
  return {
    begin,
    start: writer.start,
    async stop() {
      // A write that ends may begin the next.
      const stopped = writer.stop();
      while (writes.size > 0) await Promise.all(writes);
      await stopped;
    },
    localBytes: writer.localBytes,
  };
}

export type ReplayItem =
  | { readonly kind: 'frame'; readonly frame: RecordingFrame }
  | { readonly kind: 'problem'; readonly index: number; readonly reason: string };

/** Replays a recording in order, also of a session still open; a chunk that cannot be read is said, and the rest follows. */
export async function* readRecording(
  { store, wrapper }: { readonly store: RecordingStore; readonly wrapper: KeyWrapper },
  recordingId: string,
): AsyncGenerator<ReplayItem, RecordingManifest | undefined> {
  const manifestBytes = await store.getManifest(recordingId);
  const manifest =
    manifestBytes === undefined ? undefined : (JSON.parse(manifestBytes.toString()) as RecordingManifest);
  const there = manifest?.chunks ?? (await store.chunks(recordingId));
  if (there.length === 0 && manifest === undefined) throw recordingError('RECORDING_ABSENT', { recordingId });
  const last = there.at(-1)?.index ?? -1;
  for (let index = 0; index <= last; index += 1) {
    const read = await store.getChunk(recordingId, index);
    const frames = read.ok ? openChunk(recordingId, index, wrapper, read.bytes) : undefined;
    if (frames === undefined) {
      const reason = read.ok ? 'it is not sealed with this key, or was changed' : `it is ${read.reason}`;
      yield { kind: 'problem', index, reason: `piece ${index} cannot be read: ${reason}` };
    } else for (const frame of frames) yield { kind: 'frame', frame };
  }
  return manifest;
}
