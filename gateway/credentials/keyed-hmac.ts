import { hash } from 'node:crypto';
import { sha256 } from '../../platform/digest/sha256.ts';

const BLOCK_BYTES = 64;
/** Longer data is put behind the key in a buffer of its own. */
const SHORT_BYTES_MAX = 4096;

/**
 * HMAC-SHA256 (RFC 2104) with one key, for the data path: two hashes at once are several times cheaper than an Hmac object, which
 * sets its key up anew each time.
 */
export function createKeyedHmac(key: Uint8Array): (data: string | Uint8Array) => Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  if (key.byteLength > BLOCK_BYTES) sha256(key).copy(block);
  else block.set(key);
  const inner = Buffer.concat([block.map((byte) => byte ^ 0x36), Buffer.alloc(SHORT_BYTES_MAX)]);
  const innerKey = inner.subarray(0, BLOCK_BYTES);
  const outer = Buffer.concat([block.map((byte) => byte ^ 0x5c), Buffer.alloc(32)]);
  return (data) => {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const short = bytes.byteLength <= SHORT_BYTES_MAX;
    if (short) inner.set(bytes, BLOCK_BYTES);
    const message = short
      ? inner.subarray(0, BLOCK_BYTES + bytes.byteLength)
      : Buffer.concat([innerKey, bytes]);
    outer.write(hash('sha256', message, 'binary'), BLOCK_BYTES, 'latin1');
    return sha256(outer);
  };
}
