/** Hashes and signed bytes of the audit trail, as docs/audit-trail.md defines them. */
import { createHash } from 'node:crypto';
import type { ChainHead } from '../../schemas/types.ts';

/** Bytes of the Avro single-object frame before the body. */
export const FRAME_BYTES = 10;
export const HASH_BYTES = 32;
export const ZERO_HASH = Buffer.alloc(HASH_BYTES);

/** Hash of a framed event: over the digest of the schema that it was written with and the Avro body without its last field, which is the hash. */
export function eventHash(schemaDigest: Uint8Array, framed: Uint8Array): Buffer {
  return createHash('sha256')
    .update(schemaDigest)
    .update(framed.subarray(FRAME_BYTES, framed.length - HASH_BYTES))
    .digest();
}

export interface CheckpointContent {
  readonly gatewayId: string;
  readonly epoch: number;
  readonly gatewaySequence: number;
  /** Link of the checkpoint itself: covers the gateway's chain up to here. */
  readonly chainSequence: number;
  readonly chainPreviousHash: Buffer;
  readonly time: number;
  readonly heads: readonly ChainHead[];
}

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const integer = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};

/**
 *   "countersign checkpoint 1\n" | gateway id | epoch | gatewaySequence | chain sequence | chain previous hash | time
 *   | number of heads | for each: session id | sequence | hash
 *
 * Strings are u32 BE length and UTF-8; integers u64 BE; hashes 32 bytes.
 */
export function checkpointBytes(content: CheckpointContent): Buffer {
  const parts = [
    Buffer.from('countersign checkpoint 1\n'),
    text(content.gatewayId),
    integer(content.epoch),
    integer(content.gatewaySequence),
    integer(content.chainSequence),
    content.chainPreviousHash,
    integer(content.time),
    integer(content.heads.length),
  ];
  for (const head of content.heads) parts.push(text(head.sessionId), integer(head.sequence), head.hash);
  return Buffer.concat(parts);
}
