/**
 * One record as bytes, on disk and between threads. Numbers are big-endian.
 *
 *   length of body   4 | CRC-32 of body, begun with the log's salt   4 | body
 *   body:  offset 6 | timestamp (ms) 6 | flags 1 | key length 4 | header bytes 4 | key | headers | value
 *   flags: 1 has a key, 2 has a value (else a tombstone)
 *   headers: for each, name length 2 | value length 4 | name | value
 *
 * The salt differs between logs and is in no record: who chooses a record's bytes cannot make a part of them pass for a frame.
 */
import { crc32 } from 'node:zlib';
import type { LogRecord } from './event-log.ts';

export const FRAME_HEADER_BYTES = 8;
const BODY_FIXED_BYTES = 21;
const HAS_KEY = 1;
const HAS_VALUE = 2;

/** What a frame holds; where it stands is the caller's matter. */
export interface FrameContent {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

interface Sizes {
  key: number;
  headers: number;
  total: number;
}

function sizesOf(content: Omit<FrameContent, 'offset' | 'timestamp'>): Sizes {
  const key = content.key === null ? 0 : Buffer.byteLength(content.key);
  let headers = 0;
  for (const name in content.headers)
    headers += 6 + Buffer.byteLength(name) + Buffer.byteLength(content.headers[name]!);
  const value = content.value === null ? 0 : content.value.byteLength;
  return { key, headers, total: FRAME_HEADER_BYTES + BODY_FIXED_BYTES + key + headers + value };
}

/** Bytes that the frame of a record takes. */
export function frameBytes(content: Omit<FrameContent, 'offset' | 'timestamp'>): number {
  return sizesOf(content).total;
}

function writeFrame(
  target: Buffer,
  start: number,
  content: FrameContent,
  sizes: Sizes,
  salt: number,
): number {
  const body = start + FRAME_HEADER_BYTES;
  target.writeUIntBE(content.offset, body, 6);
  target.writeUIntBE(content.timestamp, body + 6, 6);
  target[body + 12] = (content.key === null ? 0 : HAS_KEY) | (content.value === null ? 0 : HAS_VALUE);
  target.writeUInt32BE(sizes.key, body + 13);
  target.writeUInt32BE(sizes.headers, body + 17);
  let at = body + BODY_FIXED_BYTES;
  if (content.key !== null) at += target.write(content.key, at);
  for (const name in content.headers) {
    const nameBytes = target.write(name, at + 6);
    const valueBytes = target.write(content.headers[name]!, at + 6 + nameBytes);
    target.writeUInt16BE(nameBytes, at);
    target.writeUInt32BE(valueBytes, at + 2);
    at += 6 + nameBytes + valueBytes;
  }
  if (content.value !== null) {
    target.set(content.value, at);
    at += content.value.byteLength;
  }
  target.writeUInt32BE(at - body, start);
  target.writeUInt32BE(crc32(target.subarray(body, at), salt), start + 4);
  return at;
}

/** All frames one after the other, in memory of their own (so that it may be transferred), and where each begins. */
export function encodeFrames(
  contents: readonly FrameContent[],
  salt: number,
): { bytes: Buffer; starts: number[] } {
  const sizes = contents.map(sizesOf);
  const bytes = Buffer.allocUnsafeSlow(sizes.reduce((total, size) => total + size.total, 0));
  const starts: number[] = [];
  let at = 0;
  for (let index = 0; index < contents.length; index += 1) {
    starts.push(at);
    at = writeFrame(bytes, at, contents[index]!, sizes[index]!, salt);
  }
  return { bytes, starts };
}

/** What stands at a place: a whole frame of so many bytes, one that goes on past the end of `bytes`, or no frame. */
export type FrameCheck =
  | { readonly kind: 'whole'; readonly bytes: number }
  | { readonly kind: 'partial'; readonly bytes: number }
  | { readonly kind: 'invalid' };

const INVALID: FrameCheck = { kind: 'invalid' };

/** Checks the frame at `at`; `frameBytesMax` bounds what a damaged length may ask for. */
export function checkFrame(bytes: Buffer, at: number, frameBytesMax: number, salt: number): FrameCheck {
  if (bytes.length - at < FRAME_HEADER_BYTES) return { kind: 'partial', bytes: FRAME_HEADER_BYTES };
  const length = bytes.readUInt32BE(at);
  const total = FRAME_HEADER_BYTES + length;
  if (length < BODY_FIXED_BYTES || total > frameBytesMax) return INVALID;
  if (at + total > bytes.length) return { kind: 'partial', bytes: total };
  const body = at + FRAME_HEADER_BYTES;
  if (bytes.readUInt32BE(at + 4) !== crc32(bytes.subarray(body, at + total), salt)) return INVALID;
  const inner = BODY_FIXED_BYTES + bytes.readUInt32BE(body + 13) + bytes.readUInt32BE(body + 17);
  return inner > length ? INVALID : { kind: 'whole', bytes: total };
}

/** Offset of the checked frame at `at`. */
export function frameOffset(bytes: Buffer, at: number): number {
  return bytes.readUIntBE(at + FRAME_HEADER_BYTES, 6);
}

/** Timestamp of the checked frame at `at`. */
export function frameTimestamp(bytes: Buffer, at: number): number {
  return bytes.readUIntBE(at + FRAME_HEADER_BYTES + 6, 6);
}

/** Reads the checked frame at `at`; the value is a view of `bytes`. */
export function decodeFrame(bytes: Buffer, at: number, topic: string, partition: number): LogRecord {
  const end = at + FRAME_HEADER_BYTES + bytes.readUInt32BE(at);
  const body = at + FRAME_HEADER_BYTES;
  const flags = bytes[body + 12]!;
  const keyEnd = body + BODY_FIXED_BYTES + bytes.readUInt32BE(body + 13);
  const headersEnd = keyEnd + bytes.readUInt32BE(body + 17);
  let headers = NO_HEADERS;
  if (headersEnd > keyEnd) {
    const read: Record<string, string> = {};
    for (let from = keyEnd; from < headersEnd;) {
      const valueAt = from + 6 + bytes.readUInt16BE(from);
      const next = valueAt + bytes.readUInt32BE(from + 2);
      // Defined, not assigned: a header may be called __proto__.
      Object.defineProperty(read, bytes.toString('utf8', from + 6, valueAt), {
        value: bytes.toString('utf8', valueAt, next),
        enumerable: true,
        writable: true,
        configurable: true,
      });
      from = next;
    }
    headers = read;
  }
  return {
    topic,
    partition,
    offset: frameOffset(bytes, at),
    timestamp: frameTimestamp(bytes, at),
    key: (flags & HAS_KEY) === 0 ? null : bytes.toString('utf8', body + BODY_FIXED_BYTES, keyEnd),
    value: (flags & HAS_VALUE) === 0 ? null : bytes.subarray(headersEnd, end),
    headers,
  };
}

/**
 * Finds the next whole frame at or after `from` whose offset lies in [offsetMin, offsetMax): where reading goes on behind damage.
 * Returns -1 where there is none.
 */
export function findFrame(
  bytes: Buffer,
  from: number,
  bounds: { offsetMin: number; offsetMax: number; frameBytesMax: number },
  salt: number,
): number {
  for (let at = from; at + FRAME_HEADER_BYTES + BODY_FIXED_BYTES <= bytes.length; at += 1) {
    const length = bytes.readUInt32BE(at);
    if (length < BODY_FIXED_BYTES || at + FRAME_HEADER_BYTES + length > bytes.length) continue;
    const offset = frameOffset(bytes, at);
    if (offset < bounds.offsetMin || offset >= bounds.offsetMax) continue;
    if (checkFrame(bytes, at, bounds.frameBytesMax, salt).kind === 'whole') return at;
  }
  return -1;
}
