/**
 * One entry of the spool.
 *
 *   length u32 LE | CRC-32 u32 LE over what follows | topic u8 | key length u16 LE | key | event (framed Avro)
 *
 * `length` counts what follows the CRC.
 */
import { crc32 } from 'node:zlib';

export type SpoolTopic = 'events' | 'data';

export interface SpoolEntry {
  readonly topic: SpoolTopic;
  readonly key: string;
  readonly value: Buffer;
  /** The whole entry where its maker has encoded it already; `value` is the end of it. */
  readonly frame?: Buffer;
}

export const HEAD_BYTES = 8;
/** Far over any event: what claims more is garbage. */
export const ENTRY_BYTES_MAX = 1024 * 1024;

/** Bytes in front of the event. */
export const entryHeadBytes = (key: string): number => HEAD_BYTES + 3 + Buffer.byteLength(key);

/** Writes what stands in front of the event, which is in its place already. */
export function writeEntryHead(frame: Buffer, topic: SpoolTopic, key: string): void {
  frame.writeUInt32LE(frame.length - HEAD_BYTES, 0);
  frame[HEAD_BYTES] = topic === 'events' ? 0 : 1;
  frame.writeUInt16LE(frame.write(key, HEAD_BYTES + 3), HEAD_BYTES + 1);
  frame.writeUInt32LE(crc32(frame.subarray(HEAD_BYTES)), 4);
}

export function encodeEntry({ topic, key, value, frame: made }: SpoolEntry): Buffer {
  if (made !== undefined) return made;
  const headBytes = entryHeadBytes(key);
  const frame = Buffer.allocUnsafe(headBytes + value.length);
  value.copy(frame, headBytes);
  writeEntryHead(frame, topic, key);
  return frame;
}

export type EntryRead =
  | { readonly ok: true; readonly entry: SpoolEntry; readonly bytes: number }
  | { readonly ok: false; readonly reason: 'short' | 'corrupt' };

/** Reads the entry at `at`; `short` where the bytes end before it does. */
export function decodeEntry(bytes: Buffer, at: number): EntryRead {
  if (bytes.length - at < HEAD_BYTES) return { ok: false, reason: 'short' };
  const length = bytes.readUInt32LE(at);
  if (length < 3 || length > ENTRY_BYTES_MAX) return { ok: false, reason: 'corrupt' };
  const start = at + HEAD_BYTES;
  if (bytes.length - start < length) return { ok: false, reason: 'short' };
  const body = bytes.subarray(start, start + length);
  const keyLength = body.readUInt16LE(1);
  if (crc32(body) !== bytes.readUInt32LE(at + 4) || 3 + keyLength > length)
    return { ok: false, reason: 'corrupt' };
  return {
    ok: true,
    bytes: HEAD_BYTES + length,
    entry: {
      topic: body[0] === 0 ? 'events' : 'data',
      key: body.toString('utf8', 3, 3 + keyLength),
      value: Buffer.from(body.subarray(3 + keyLength)),
    },
  };
}
