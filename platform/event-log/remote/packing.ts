/** Records between threads: frames in one buffer that is transferred (a view would drag its whole backing memory along). */
import type { LogRecord, NewRecord } from '../event-log.ts';
import { decodeFrame, encodeFrames, FRAME_HEADER_BYTES } from '../frame.ts';

/** Both sides are this program; the CRC is not needed against forgery here. */
const SALT = 0;
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

function* framesOf(packed: Uint8Array): Generator<readonly [bytes: Buffer, at: number]> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < bytes.length; at += FRAME_HEADER_BYTES + bytes.readUInt32BE(at)) yield [bytes, at];
}

export function packRecords(records: readonly LogRecord[]): Uint8Array {
  return encodeFrames(records, SALT).bytes;
}

export function unpackRecords(packed: Uint8Array, topic: string, partition: number): LogRecord[] {
  const records: LogRecord[] = [];
  for (const [bytes, at] of framesOf(packed)) records.push(decodeFrame(bytes, at, topic, partition));
  return records;
}

/** The explicit partition travels beside the frames: -1 where the key decides. */
export function packNewRecords(records: readonly NewRecord[]): { packed: Uint8Array; partitions: number[] } {
  const contents = records.map((record) => ({
    offset: 0,
    timestamp: 0,
    key: record.key,
    value: record.value,
    headers: record.headers ?? NO_HEADERS,
  }));
  return {
    packed: encodeFrames(contents, SALT).bytes,
    partitions: records.map((record) => record.partition ?? -1),
  };
}

export function unpackNewRecords(packed: Uint8Array, partitions: readonly number[]): NewRecord[] {
  const records: NewRecord[] = [];
  for (const [bytes, at] of framesOf(packed)) {
    const { key, value, headers } = decodeFrame(bytes, at, '', 0);
    const partition = partitions[records.length]!;
    records.push(partition === -1 ? { key, value, headers } : { key, value, headers, partition });
  }
  return records;
}
