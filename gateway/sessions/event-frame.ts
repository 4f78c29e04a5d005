/**
 * Encodes events straight into the frame of their spool entry, in a slab that many share: no copy, no buffer of their own. The hash
 * needs the schema's digest in front of the body, so that stands for a moment where the frame's head goes:
 *
 *   | entry head, key | frame of the codec | body | hash |
 *          | schema's digest, 32 bytes     |
 */
import { hash } from 'node:crypto';
import type { Codec } from '../../schemas/codec.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import { FRAME_BYTES, HASH_BYTES } from '../recording/audit-bytes.ts';
import {
  ENTRY_BYTES_MAX,
  entryHeadBytes,
  writeEntryHead,
  type SpoolEntry,
} from '../recording/spool-frame.ts';

export interface EncodedEvent {
  readonly entry: SpoolEntry;
  /** SHA-256, a character for each byte. */
  readonly hash: string;
}

const SLAB_BYTES = 128 * 1024;
/** The digest must not reach before the frame. */
const HEAD_BYTES_MIN = HASH_BYTES - FRAME_BYTES;

export type EventEncoder = (event: SessionEvent, topic: SpoolEntry['topic'], key: string) => EncodedEvent;

/** `event` must carry a hash of zeros: its place is the end of the record. */
export function createEventEncoder(codec: Codec<SessionEvent>): EventEncoder {
  const digest = Buffer.from(codec.schemaDigest);
  const prefix = Buffer.alloc(FRAME_BYTES);
  let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  let used = 0;
  let known = false;

  /** Where the event starts and ends in the slab. */
  const place = (event: SessionEvent, headBytes: number): { start: number; end: number } => {
    let start = used + Math.max(headBytes, HEAD_BYTES_MIN);
    let end = codec.encodeInto(event, slab, start);
    for (let bytes = SLAB_BYTES; end === 0; bytes *= 4) {
      // Twice the greatest entry is room for all that passes; what is longer still is the spool's to refuse.
      if (bytes > 64 * ENTRY_BYTES_MAX) throw new RangeError('an event that fits no spool');
      slab = Buffer.allocUnsafeSlow(bytes);
      start = Math.max(headBytes, HEAD_BYTES_MIN);
      end = codec.encodeInto(event, slab, start);
    }
    used = end;
    return { start, end };
  };
  return (event, topic, key) => {
    const headBytes = entryHeadBytes(key);
    const { start, end } = place(event, headBytes);
    if (!known) {
      slab.copy(prefix, 0, start, start + FRAME_BYTES);
      known = true;
    }
    const body = start + FRAME_BYTES;
    digest.copy(slab, body - HASH_BYTES);
    // As a string: a buffer of its own costs more than the digest.
    const sum = hash('sha256', slab.subarray(body - HASH_BYTES, end - HASH_BYTES), 'binary');
    slab.write(sum, end - HASH_BYTES, 'latin1');
    prefix.copy(slab, start);
    const frame = slab.subarray(start - headBytes, end);
    writeEntryHead(frame, topic, key);
    return { entry: { topic, key, value: slab.subarray(start, end), frame }, hash: sum };
  };
}
