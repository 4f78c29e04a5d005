/**
 * Buffers of the data path that are used again. Megabytes of dead buffers a second keep the garbage collector busy for longer than
 * the ciphers. A buffer comes back when everybody who got a piece of it has said that it is used up; whoever says nothing (the
 * library itself, a terminal) keeps his piece, and the buffer is the collector's.
 */

/** What one read of a socket may bring. */
export const READ_BYTES: number = 128 * 1024;
/** Over a packet of 32 KiB, which is what OpenSSH sends at most. */
export const PACKET_BYTES: number = 36 * 1024;
/** Buffers of each size that wait to be used again. */
const SPARE_MAX = 64;

const spareReadsMax: ArrayBuffer[] = [];
const sparePacketsMax: ArrayBuffer[] = [];
/** Pieces of a buffer that somebody still has. */
const owed = new WeakMap<ArrayBufferLike, number>();

const spareOf = (bytes: number): ArrayBuffer[] => (bytes === READ_BYTES ? spareReadsMax : sparePacketsMax);

/** A buffer of READ_BYTES or PACKET_BYTES, whatever is in it; the taker has one piece: all of it. */
export function take(bytes: number): Buffer {
  const room = spareOf(bytes).pop() ?? new ArrayBuffer(bytes);
  owed.set(room, 1);
  return Buffer.from(room);
}

/** Less than this is copied: a few bytes that wait must not hold a whole buffer. */
const LENT_BYTES_MIN = 16 * 1024;

/** A piece to hand on, for which the taker calls `usedUp`, or keeps it; a copy where it is a small one. */
export function lend(piece: Buffer): Buffer {
  const pieces = owed.get(piece.buffer);
  if (pieces === undefined) return piece;
  if (piece.length < LENT_BYTES_MIN) return Buffer.from(piece);
  owed.set(piece.buffer, pieces + 1);
  return piece;
}

/** A piece is used up: exactly once for each, and its bytes are not looked at any more. Harmless for what was not taken here. */
export function usedUp({ buffer }: Uint8Array): void {
  const pieces = owed.get(buffer);
  if (pieces === undefined) return;
  if (pieces > 1) {
    owed.set(buffer, pieces - 1);
    return;
  }
  owed.delete(buffer);
  const spare = spareOf(buffer.byteLength);
  if (spare.length < SPARE_MAX) spare.push(buffer as ArrayBuffer);
}

/** A buffer that is not to come back: nobody knows who has pieces of it. */
export const keep = ({ buffer }: Uint8Array): void => void owed.delete(buffer);
