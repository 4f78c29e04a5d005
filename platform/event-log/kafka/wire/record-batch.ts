/**
 * Record batches, version 2 (https://kafka.apache.org/documentation/#recordbatch):
 *
 *     int64 baseOffset  int32 batchLength  int32 partitionLeaderEpoch  int8 magic = 2  uint32 crc32c (of all that follows)
 *     int16 attributes  int32 lastOffsetDelta  int64 baseTimestamp  int64 maxTimestamp
 *     int64 producerId  int16 producerEpoch  int32 baseSequence  int32 count  records (compressed together)
 *
 *     record: varint length  int8 attributes  varlong timestampDelta  varint offsetDelta
 *             varint keyLength  key  varint valueLength  value  varint headers { varint length  name  varint length  value }
 */
import type { NewRecord } from '../../event-log.ts';
import { CODEC_NUMBER, compress, type Compression } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { varintBytes, writeVarint } from './varint.ts';

export const MAGIC = 2;
export const BATCH_HEAD_BYTES = 61;
/** Where batchLength begins to count. */
export const LENGTH_FROM = 12;
export const CRC_FROM = 21;

export interface BatchOrigin {
  readonly producerId: bigint;
  readonly epoch: number;
  /** Sequence of the first record; the broker knows by it what it has already. */
  readonly sequence: number;
}

/** Key, value and headers as they stand in a record: a copy, so that the caller's buffers may change. */
export function encodeBody(record: NewRecord): Buffer {
  const key = record.key === null ? undefined : Buffer.from(record.key);
  const { value } = record;
  const headers = Object.entries(record.headers ?? {}).map(
    ([name, text]) => [Buffer.from(name), Buffer.from(text)] as const,
  );
  let bytes = varintBytes(headers.length);
  for (const part of [key, value ?? undefined, ...headers.flat()])
    bytes += part === undefined ? 1 : varintBytes(part.length) + part.length;
  const body = Buffer.allocUnsafe(bytes);
  let at = 0;
  const put = (part: Uint8Array | undefined): void => {
    at = writeVarint(body, at, part?.length ?? -1);
    if (part === undefined) return;
    body.set(part, at);
    at += part.length;
  };
  put(key);
  put(value ?? undefined);
  at = writeVarint(body, at, headers.length);
  for (const [name, text] of headers) {
    put(name);
    put(text);
  }
  return body;
}

/** What a record adds to a batch at most, beside its body. */
export const RECORD_HEAD_BYTES_MAX = 16;

function writeRecords(bodies: readonly Buffer[]): Buffer {
  let bytes = 0;
  for (const body of bodies) bytes += body.length + RECORD_HEAD_BYTES_MAX;
  const records = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const [index, body] of bodies.entries()) {
    at = writeVarint(records, at, 2 + varintBytes(index) + body.length);
    records[at] = 0;
    records[at + 1] = 0;
    at = writeVarint(records, at + 2, index);
    at += body.copy(records, at);
  }
  return records.subarray(0, at);
}

/** One batch of these bodies in order; compressed from `compressFromBytes` on. */
export async function encodeBatch(
  bodies: readonly Buffer[],
  timestampMs: number,
  origin: BatchOrigin,
  compression: Compression,
  compressFromBytes: number,
): Promise<Buffer> {
  const plain = writeRecords(bodies);
  const codec = plain.length >= compressFromBytes ? compression : 'none';
  const packed = compress(codec, plain);
  const records = Buffer.isBuffer(packed) ? packed : await packed;
  const batch = Buffer.allocUnsafe(BATCH_HEAD_BYTES + records.length);
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - LENGTH_FROM, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE(CODEC_NUMBER[codec], CRC_FROM);
  batch.writeInt32BE(bodies.length - 1, 23);
  batch.writeBigInt64BE(BigInt(timestampMs), 27);
  batch.writeBigInt64BE(BigInt(timestampMs), 35);
  batch.writeBigInt64BE(origin.producerId, 43);
  batch.writeInt16BE(origin.epoch, 51);
  batch.writeInt32BE(origin.sequence, 53);
  batch.writeInt32BE(bodies.length, 57);
  records.copy(batch, BATCH_HEAD_BYTES);
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_FROM)), 17);
  return batch;
}
