import { sha256 } from './sha256.ts';

/**
 * An id in the form of a UUIDv7 (RFC 9562, section 5.7) with a digest of `text` where the random bits stand: the same time and
 * text make the same id, so that a replay makes nothing twice. `timeMs` since the epoch, brought within 48 bits.
 */
export function datedId(timeMs: number, text: string): string {
  const raw = sha256(text).subarray(0, 16);
  raw.writeUIntBE(Math.min(Math.max(0, Math.floor(timeMs)), 2 ** 48 - 1), 0, 6);
  raw[6] = 0x70 | (raw[6]! & 0x0f);
  raw[8] = 0x80 | (raw[8]! & 0x3f);
  const hex = raw.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
