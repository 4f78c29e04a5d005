/** Records sessions: frames are gathered into chunks, sealed with the session's own key, and carried to the recording store. */
import type { Random } from '../../platform/clock/clock.ts';
import type { RecordingStore } from '../../platform/recording-store/recording-store.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { KeyWrapper } from '../credentials/embedded-vault.ts';
import { createChunkUploads, type ChunkUploadsDeps, type RecordingManifest } from './chunk-uploads.ts';
import { recordingError } from './errors.ts';
import {
  createFrameGatherer,
  keyContext,
  openChunk,
  sealChunk,
  type RecordingFrame,
} from './recording-frame.ts';
import type { Recorder, RecordingHandle } from './recorder.ts';

export interface Recordings extends Recorder {
  start(): void;
  stop(): Promise<void>;
  localBytes(): number;
}

export interface RecordingsDeps extends ChunkUploadsDeps {
  readonly random: Random;
  readonly wrapper: KeyWrapper;
}

const CHUNK_MS = 1000;
const CHUNK_BYTES_MAX = 256 * 1024;
const FRAME_BYTES_MAX = 128 * 1024;
const RETRY_MS = 250;

export function createRecordings(
  deps: RecordingsDeps,
  config: Pick<GatewayConfig, 'recordingFolder' | 'recordingAheadBytesMax' | 'recordingLocalBytesMax'>,
): Recordings {
  const { clock, random, wrapper, log } = deps;
  const uploads = createChunkUploads(deps, config);
  // Half: while one chunk is written, the next may gather.
  const chunkBytes = Math.min(CHUNK_BYTES_MAX, Math.ceil(config.recordingAheadBytesMax / 2));

  const writes = new Set<Promise<void>>();
  let stopping = false;

  const begin = (recordingId: string): RecordingHandle => {
    const key = Buffer.from(random.bytes(32));
    const wrapped = wrapper.wrap(keyContext(recordingId), key);
    const gathered = createFrameGatherer();
    /** Bytes that are not in the folder yet. */
    let ahead = 0;
    let index = 0;
    let timer: { cancel(): void } | undefined;
    let writing: Promise<void> | undefined;
    let closed = false;
    let waiting: (() => void)[] = [];

    const writeChunk = async (): Promise<void> => {
      const plain = gathered.take();
      const size = plain.length;
      const sealed = sealChunk(
        recordingId,
        index,
        { key, wrapped, nonce: Buffer.from(random.bytes(12)) },
        plain,
      );
      for (;;) {
        try {
          if (uploads.localBytes() + sealed.length > config.recordingLocalBytesMax)
            throw new Error('recordings wait for their store up to the bound');
          await uploads.add(recordingId, index, sealed);
          break;
        } catch (error) {
          if (stopping) {
            log.error({ error, recordingId }, 'the end of a recording is lost: its folder takes nothing');
            break;
          }
          log.warn({ error, recordingId }, 'a recording could not be written; its session waits');
          await clock.sleep(RETRY_MS);
        }
      }
      index += 1;
      ahead -= size;
      const woken = waiting;
      waiting = [];
      for (const resolve of woken) resolve();
    };
    const flush = (): void => {
      timer?.cancel();
      timer = undefined;
      if (writing !== undefined || gathered.bytes === 0) return;
      const work = writeChunk().finally(() => {
        writes.delete(work);
        writing = undefined;
        if (gathered.bytes >= chunkBytes || (closed && gathered.bytes > 0)) flush();
        else if (closed) uploads.seal(recordingId, index);
        else if (gathered.bytes > 0) timer ??= clock.after(CHUNK_MS, flush, { background: true });
      });
      writing = work;
      writes.add(work);
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
          if (gathered.bytes >= chunkBytes) flush();
          else timer ??= clock.after(CHUNK_MS, flush, { background: true });
          return ahead <= config.recordingAheadBytesMax;
        },
        async drained() {
          while (ahead > config.recordingAheadBytesMax) {
            flush();
            await new Promise<void>((resolve) => waiting.push(resolve));
          }
        },
      },
      close() {
        if (closed) return;
        closed = true;
        if (writing === undefined && gathered.bytes === 0) uploads.seal(recordingId, index);
        else flush();
      },
    };
  };
  return {
    begin,
    start: uploads.start,
    async stop() {
      stopping = true;
      // A write that ends may begin the next.
      while (writes.size > 0) await Promise.all(writes);
      await uploads.stop();
    },
    localBytes: uploads.localBytes,
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
