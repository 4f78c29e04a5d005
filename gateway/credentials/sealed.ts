/** AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce: nonce | tag | ciphertext. */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** `context` is authenticated but not stored: opening needs the same. */
export function seal(key: Buffer, nonce: Buffer, context: string, plain: Uint8Array): Buffer {
  return Buffer.concat(sealParts(key, nonce, context, plain));
}

/** The same in parts, for whoever writes them one behind the other. With a KeyObject it is several times faster to begin. */
export function sealParts(
  key: Buffer | KeyObject,
  nonce: Buffer,
  context: string,
  plain: Uint8Array,
): Buffer[] {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(context));
  const body = cipher.update(plain);
  // A stream cipher: nothing is left for the end.
  cipher.final();
  return [nonce, cipher.getAuthTag(), body];
}

/** Undefined where key, context or bytes are not those it was sealed with. */
export function unseal(key: Buffer, context: string, sealed: Buffer): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const cipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(Buffer.from(context));
  cipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([cipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), cipher.final()]);
  } catch {
    return undefined;
  }
}
