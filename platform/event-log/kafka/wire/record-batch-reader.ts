import type { LogRecord } from '../../event-log.ts';
import { decompress } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { BATCH_HEAD_BYTES, CRC_FROM, LENGTH_FROM, MAGIC } from './record-batch.ts';
import { readVarint, readVarlong, type VarintCursor } from './varint.ts';

const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const CONTROL = 0x20;
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** A batch that is damaged, so that not even its length in offsets can be believed; the records before it can be read. */
export interface BatchFault {
  readonly offset: number;
  readonly reason: string;
}

export interface ReadBatches {
  readonly records: LogRecord[];
  /** First offset behind all that was complete, whether it held records for us or not. */
  readonly nextOffset: number;
  readonly fault?: BatchFault;
  /** Whole batches that cannot be unpacked; one record stands for each (`standIn`). */
  readonly unreadable: readonly BatchFault[];
}

/** Its checksum or its form is wrong. */
class DamagedBatch extends Error {}

interface Place {
  readonly topic: string;
  readonly partition: number;
}

/**
 * Records at or after `fromOffset` of the batches in a fetch response. The last batch may be cut off by the response's bound: it is left
 * for the next fetch. Control records and what compaction removed only move `nextOffset`.
 */
export async function readBatches(
  bytes: Buffer,
  place: Place,
  fromOffset: number,
  batchBytesMax: number,
): Promise<ReadBatches> {
  const records: LogRecord[] = [];
  const unreadable: BatchFault[] = [];
  let nextOffset = fromOffset;
  let at = 0;
  while (at + BATCH_HEAD_BYTES <= bytes.length) {
    const end = at + LENGTH_FROM + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    const batch = bytes.subarray(at, end);
    const firstOffset = Number(batch.readBigInt64BE(0));
    const lastOffset = firstOffset + batch.readInt32BE(23);
    at = end;
    if (lastOffset < fromOffset) continue;
    try {
      await readBatch(batch, place, fromOffset, batchBytesMax, records);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const fault = { offset: Math.max(firstOffset, fromOffset), reason };
      if (error instanceof DamagedBatch) return { records, nextOffset, fault, unreadable };
      records.push(standIn(place, batch, fault));
      unreadable.push(fault);
    }
    nextOffset = lastOffset + 1;
  }
  return { records, nextOffset, unreadable };
}

/** So much of it is kept. */
const STAND_IN_BYTES_MAX = 64 * 1024;

/**
 * A record in the place of a batch that another program wrote and nobody here can unpack: no codec of ours reads its value, so it goes to
 * dead-letters like any other poison, and the partition moves on.
 */
function standIn({ topic, partition }: Place, batch: Buffer, { offset, reason }: BatchFault): LogRecord {
  const value = Buffer.concat([
    Buffer.from(`unreadable: ${reason}\n`),
    batch.subarray(0, STAND_IN_BYTES_MAX),
  ]);
  const timestamp = Number(batch.readBigInt64BE(35));
  return { topic, partition, offset, key: null, value, headers: { unreadable: reason }, timestamp };
}

async function readBatch(
  batch: Buffer,
  place: Place,
  fromOffset: number,
  batchBytesMax: number,
  into: LogRecord[],
): Promise<void> {
  const magic = batch.readInt8(16);
  if (magic !== MAGIC) throw new DamagedBatch(`record format ${magic}, which is not supported`);
  if (crc32c(batch.subarray(CRC_FROM)) !== batch.readUInt32BE(17))
    throw new DamagedBatch('its checksum is wrong');
  const attributes = batch.readInt16BE(CRC_FROM);
  if ((attributes & CONTROL) !== 0) return;
  const firstOffset = Number(batch.readBigInt64BE(0));
  const firstTimestamp = Number(batch.readBigInt64BE(27));
  const maxTimestamp = Number(batch.readBigInt64BE(35));
  const fixedTimestamp = (attributes & LOG_APPEND_TIME) !== 0 ? maxTimestamp : undefined;
  const count = batch.readInt32BE(57);
  const unpacked = decompress(attributes & CODEC_MASK, batch.subarray(BATCH_HEAD_BYTES), batchBytesMax);
  const plain = Buffer.isBuffer(unpacked) ? unpacked : await unpacked;
  // A copy of its own: a record that somebody keeps must not keep the whole answer (megabytes) in memory.
  const buffer = (attributes & CODEC_MASK) === 0 ? Buffer.from(plain) : plain;
  const cursor: VarintCursor = { buffer, at: 0 };
  const found: LogRecord[] = [];
  for (let index = 0; index < count; index += 1) {
    const length = readVarint(cursor);
    const end = cursor.at + length;
    cursor.at += 1;
    const timestamp = firstTimestamp + readVarlong(cursor);
    const offset = firstOffset + readVarint(cursor);
    const key = readBytes(cursor);
    const value = readBytes(cursor);
    const headers = readHeaders(cursor);
    if (cursor.at !== end) throw new Error('a record has the wrong length');
    if (offset < fromOffset) continue;
    found.push({
      topic: place.topic,
      partition: place.partition,
      offset,
      key: key === null ? null : key.toString(),
      value,
      headers,
      timestamp: fixedTimestamp ?? timestamp,
    });
  }
  for (const record of found) into.push(record);
}

function readBytes(cursor: VarintCursor): Buffer | null {
  const length = readVarint(cursor);
  if (length < 0) return null;
  const start = cursor.at;
  if (start + length > cursor.buffer.length) throw new RangeError('a record is cut off');
  cursor.at += length;
  return cursor.buffer.subarray(start, start + length);
}

function readHeaders(cursor: VarintCursor): Readonly<Record<string, string>> {
  const count = readVarint(cursor);
  if (count === 0) return NO_HEADERS;
  const headers: Record<string, string> = {};
  for (let index = 0; index < count; index += 1) {
    const name = readBytes(cursor)?.toString() ?? '';
    headers[name] = readBytes(cursor)?.toString() ?? '';
  }
  return headers;
}
