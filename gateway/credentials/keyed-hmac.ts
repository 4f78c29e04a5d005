import { hash } from 'node:crypto';

const BLOCK_BYTES = 64;

/**
 * HMAC-SHA256 (RFC 2104) with one key, for the data path: two hashes at once are several times cheaper than an Hmac object, which
 * sets its key up anew each time.
 */
export function createKeyedHmac(key: Uint8Array): (data: string | Uint8Array) => Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  if (key.byteLength > BLOCK_BYTES) hash('sha256', key, 'buffer').copy(block);
  else block.set(key);
  const inner = Buffer.from(block.map((byte) => byte ^ 0x36));
  const outer = Buffer.concat([block.map((byte) => byte ^ 0x5c), Buffer.alloc(32)]);
  return (data) => {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    hash('sha256', Buffer.concat([inner, bytes]), 'buffer').copy(outer, BLOCK_BYTES);
    return hash('sha256', outer, 'buffer');
  };
}
