/**
 * A chunk of a recording, its pieces, and the frames in them.
 *
 *   chunk:  wrapped key length + 0x8000 u16 BE | wrapped key | pieces
 *   piece:  length u32 BE | AES-256-GCM of whole frames (context: recording id # index . number of the piece)
 *   chunk of an older gateway:  wrapped key length u16 BE | wrapped key | AES-256-GCM of the frames (context: recording id # index)
 *   frame:  time f64 BE (ms) | stream u8 (0 in, 1 out, 2 size) | request id length u8 | request id | length u32 BE | bytes
 *
 * Each chunk carries its wrapped key, so that what a crash left can be read without a manifest.
 */
import type { KeyObject } from 'node:crypto';
import { sealParts, unseal } from '../credentials/sealed.ts';
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
/** What it takes where that is too little, from those that others have no use for any more. */
const ROOM_BYTES = 320 * 1024;
const SPARE_MAX = 16;
const spareRoomsMax: Buffer[] = [];

/** Frames one behind the other, in a buffer that is written into and used again. */
export interface FrameGatherer {
  /** Bytes gathered since the last `take`. */
  readonly bytes: number;
  /** Takes a copy; returns how many bytes the frame has. */
  add(frame: Omit<RecordingFrame, 'bytes'> & { readonly bytes: Uint8Array }): number;
  /** What has been gathered, for `use` to read before it returns. */
  take(use: (frames: Buffer) => void): void;
}

export function createFrameGatherer(): FrameGatherer {
  let buffer: Buffer = Buffer.alloc(0);
  let used = 0;
  return {
    get bytes() {
      return used;
    },
    add({ time, stream, requestId, bytes }) {
      const id = requestId ?? '';
      const room = used + HEAD_BYTES + id.length + 4 + bytes.length;
      if (room > buffer.length) {
        const larger =
          room > KEPT_BYTES_MAX && room <= ROOM_BYTES
            ? (spareRoomsMax.pop() ?? Buffer.allocUnsafeSlow(ROOM_BYTES))
            : Buffer.allocUnsafeSlow(Math.max(GATHERED_BYTES_MIN, room, buffer.length * 2));
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
    take(use) {
      use(buffer.subarray(0, used));
      used = 0;
      if (buffer.length <= KEPT_BYTES_MAX) return;
      if (buffer.length === ROOM_BYTES && spareRoomsMax.length < SPARE_MAX) spareRoomsMax.push(buffer);
      buffer = Buffer.alloc(0);
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
const pieceContext = (recordingId: string, index: number, number: number): string =>
  `${chunkContext(recordingId, index)}.${number}`;

/** Of the length of the wrapped key: pieces follow. */
const PIECES = 0x8000;
const LENGTH_BYTES = 4;

export interface RecordingKey {
  readonly key: Buffer;
  readonly wrapped: Buffer;
}

/** What comes first in a chunk. */
export function chunkHead({ wrapped }: Pick<RecordingKey, 'wrapped'>): Buffer {
  const head = Buffer.alloc(2 + wrapped.length);
  head.writeUInt16BE(PIECES | wrapped.length);
  wrapped.copy(head, 2);
  return head;
}

/** One piece in parts, to be written one behind the other. */
export function sealPiece(
  recordingId: string,
  at: { readonly index: number; readonly number: number },
  { key, nonce }: { readonly key: KeyObject; readonly nonce: Buffer },
  frames: Buffer,
): Buffer[] {
  const parts = sealParts(key, nonce, pieceContext(recordingId, at.index, at.number), frames);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(parts.reduce((sum, part) => sum + part.length, 0));
  return [length, ...parts];
}

/** A chunk without what a crash may have left behind its last whole piece; empty where there is none. */
export function wholeChunk(file: Buffer): Buffer {
  const isOlder = file.length >= 2 && (file.readUInt16BE(0) & PIECES) === 0;
  return isOlder ? file : file.subarray(0, wholeBytes(file));
}

function wholeBytes(chunk: Buffer): number {
  if (chunk.length < 2) return 0;
  const start = 2 + (chunk.readUInt16BE(0) & ~PIECES);
  let whole = 0;
  for (let at = start; at + LENGTH_BYTES <= chunk.length; at = whole) {
    const end = at + LENGTH_BYTES + chunk.readUInt32BE(at);
    if (end > chunk.length) break;
    whole = end;
  }
  return whole;
}

/** Undefined where the chunk is not this recording's, or the vault's key is another. */
export function openChunk(
  recordingId: string,
  index: number,
  wrapper: KeyWrapper,
  chunk: Buffer,
): RecordingFrame[] | undefined {
  if (chunk.length < 2) return undefined;
  const word = chunk.readUInt16BE(0);
  const end = 2 + (word & ~PIECES);
  const key = wrapper.unwrap(keyContext(recordingId), chunk.subarray(2, end));
  if (key === undefined) return undefined;
  if ((word & PIECES) === 0) {
    const plain = unseal(key, chunkContext(recordingId, index), chunk.subarray(end));
    return plain === undefined ? undefined : decodeFrames(plain);
  }
  if (wholeBytes(chunk) !== chunk.length) return undefined;
  const frames: RecordingFrame[] = [];
  for (let at = end, number = 0; at < chunk.length; number += 1) {
    const start = at + LENGTH_BYTES;
    at = start + chunk.readUInt32BE(at);
    const plain = unseal(key, pieceContext(recordingId, index, number), chunk.subarray(start, at));
    if (plain === undefined) return undefined;
    // One by one: there may be more than a call takes arguments.
    for (const frame of decodeFrames(plain)) frames.push(frame);
  }
  return frames;
}
