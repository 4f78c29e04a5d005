/**
 * A chunk of a recording, and the frames in it.
 *
 *   chunk:  wrapped key length u16 BE | wrapped key | AES-256-GCM of the frames (context: recording id # index)
 *   frame:  time f64 BE (ms) | stream u8 (0 in, 1 out, 2 size) | request id length u8 | request id | length u32 BE | bytes
 *
 * Each chunk carries its wrapped key, so that what a crash left can be read without a manifest.
 */
import { seal, unseal } from '../credentials/sealed.ts';
import type { KeyWrapper } from '../credentials/embedded-vault.ts';

/** size: COLUMNSxROWS of a terminal from then on. */
export type RecordedStream = 'in' | 'out' | 'size';
/** By their number in a frame. */
const STREAMS: readonly RecordedStream[] = ['in', 'out', 'size'];

export interface RecordingFrame {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly stream: RecordedStream;
  readonly requestId: string | null;
  readonly bytes: Buffer;
}

const HEAD_BYTES = 10;

const GATHERED_BYTES_MIN = 2048;
/** What a gatherer keeps when it is empty: thousands of sessions are idle. */
const KEPT_BYTES_MAX = 8192;

/** Frames one behind the other, in a buffer that is written into and used again. */
export interface FrameGatherer {
  /** Bytes gathered since the last `take`. */
  readonly bytes: number;
  /** Takes a copy; returns how many bytes the frame has. */
  add(frame: Omit<RecordingFrame, 'bytes'> & { readonly bytes: Uint8Array }): number;
  /** What has been gathered; valid until the next `add`. */
  take(): Buffer;
}

export function createFrameGatherer(): FrameGatherer {
  let buffer = Buffer.alloc(0);
  let used = 0;
  return {
    get bytes() {
      return used;
    },
    add({ time, stream, requestId, bytes }) {
      const id = requestId ?? '';
      const room = used + HEAD_BYTES + id.length + 4 + bytes.length;
      if (room > buffer.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(GATHERED_BYTES_MIN, room, buffer.length * 2));
        buffer.copy(larger, 0, 0, used);
        buffer = larger;
      }
      const start = used;
      buffer.writeDoubleBE(time, start);
      buffer[start + 8] = STREAMS.indexOf(stream);
      const idBytes = id === '' ? 0 : buffer.write(id, start + HEAD_BYTES, 'latin1');
      buffer[start + 9] = idBytes;
      const at = start + HEAD_BYTES + idBytes;
      buffer.writeUInt32BE(bytes.length, at);
      buffer.set(bytes, at + 4);
      used = at + 4 + bytes.length;
      return used - start;
    },
    take() {
      const taken = buffer.subarray(0, used);
      used = 0;
      if (buffer.length > KEPT_BYTES_MAX) buffer = Buffer.alloc(0);
      return taken;
    },
  };
}

/** Frames of a decrypted chunk. The bytes are authenticated, so they have the right form. */
export function decodeFrames(plain: Buffer): RecordingFrame[] {
  const frames: RecordingFrame[] = [];
  for (let at = 0; at < plain.length;) {
    const idLength = plain[at + 9]!;
    const start = at + HEAD_BYTES + idLength + 4;
    const length = plain.readUInt32BE(start - 4);
    frames.push({
      time: plain.readDoubleBE(at),
      stream: STREAMS[plain[at + 8]!]!,
      requestId: idLength === 0 ? null : plain.toString('utf8', at + HEAD_BYTES, at + HEAD_BYTES + idLength),
      bytes: plain.subarray(start, start + length),
    });
    at = start + length;
  }
  return frames;
}

export const keyContext = (recordingId: string): string => `countersign recording ${recordingId}`;
const chunkContext = (recordingId: string, index: number): string => `${keyContext(recordingId)}#${index}`;

export function sealChunk(
  recordingId: string,
  index: number,
  { key, wrapped, nonce }: { key: Buffer; wrapped: Buffer; nonce: Buffer },
  frames: Buffer,
): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(wrapped.length);
  return Buffer.concat([length, wrapped, seal(key, nonce, chunkContext(recordingId, index), frames)]);
}

/** Undefined where the chunk is not this recording's, or the vault's key is another. */
export function openChunk(
  recordingId: string,
  index: number,
  wrapper: KeyWrapper,
  chunk: Buffer,
): RecordingFrame[] | undefined {
  if (chunk.length < 2) return undefined;
  const end = 2 + chunk.readUInt16BE(0);
  const key = wrapper.unwrap(keyContext(recordingId), chunk.subarray(2, end));
  const plain =
    key === undefined ? undefined : unseal(key, chunkContext(recordingId, index), chunk.subarray(end));
  return plain === undefined ? undefined : decodeFrames(plain);
}
