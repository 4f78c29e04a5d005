/**
 * A chunk of a recording, and the frames in it.
 *
 *   chunk:  wrapped key length u16 BE | wrapped key | AES-256-GCM of the frames (context: recording id # index)
 *   frame:  time f64 BE (ms) | stream u8 (0 in, 1 out) | request id length u8 | request id | length u32 BE | bytes
 *
 * Each chunk carries its wrapped key, so that what a crash left can be read without a manifest.
 */
import { seal, unseal } from '../credentials/sealed.ts';
import type { KeyWrapper } from '../credentials/embedded-vault.ts';

export interface RecordingFrame {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly stream: 'in' | 'out';
  readonly requestId: string | null;
  readonly bytes: Buffer;
}

const HEAD_BYTES = 10;

export function encodeFrame({ time, stream, requestId, bytes }: RecordingFrame): Buffer {
  const id = Buffer.from(requestId ?? '');
  const frame = Buffer.allocUnsafe(HEAD_BYTES + id.length + 4 + bytes.length);
  frame.writeDoubleBE(time, 0);
  frame[8] = stream === 'in' ? 0 : 1;
  frame[9] = id.length;
  id.copy(frame, HEAD_BYTES);
  frame.writeUInt32BE(bytes.length, HEAD_BYTES + id.length);
  bytes.copy(frame, HEAD_BYTES + id.length + 4);
  return frame;
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
      stream: plain[at + 8] === 0 ? 'in' : 'out',
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
