/**
 * Signatures as Standard Webhooks 1.0 has them (standardwebhooks.com, "Signature scheme"):
 *
 *   webhook-id: ID    webhook-timestamp: seconds    webhook-signature: v1,BASE64 v1a,BASE64 ...
 *   signed: ID.seconds.body   v1: HMAC-SHA256 (whsec_)   v1a: Ed25519 (whsk_)
 */
import { createHmac, createPrivateKey, sign, type KeyObject } from 'node:crypto';

export type SigningKey =
  | { readonly scheme: 'v1'; readonly key: Buffer }
  | { readonly scheme: 'v1a'; readonly key: KeyObject };

const SYMMETRIC_BYTES_MIN = 24;
const SYMMETRIC_BYTES_MAX = 64;
const SEED_BYTES = 32;
/** PKCS #8 of an Ed25519 key up to its seed (RFC 8410, 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

function decode(text: string, prefix: string): Buffer | undefined {
  if (!text.startsWith(prefix)) return undefined;
  const encoded = text.slice(prefix.length);
  const bytes = Buffer.from(encoded, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '') ? bytes : undefined;
}

/** Reads a key in its serialised form; undefined where it is none. A private key may carry its public half behind the seed. */
export function readSigningKey(text: string): SigningKey | undefined {
  const shared = decode(text, 'whsec_');
  if (shared !== undefined) {
    const fits = shared.length >= SYMMETRIC_BYTES_MIN && shared.length <= SYMMETRIC_BYTES_MAX;
    return fits ? { scheme: 'v1', key: shared } : undefined;
  }
  const pair = decode(text, 'whsk_');
  if (pair === undefined || (pair.length !== SEED_BYTES && pair.length !== 2 * SEED_BYTES)) return undefined;
  const der = Buffer.concat([PKCS8_HEAD, pair.subarray(0, SEED_BYTES)]);
  return { scheme: 'v1a', key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
}

/** Value of the header `webhook-signature`: one signature per key. */
export function signatures(
  keys: readonly SigningKey[],
  id: string,
  seconds: number,
  body: Uint8Array,
): string {
  const content = Buffer.concat([Buffer.from(`${id}.${seconds}.`), body]);
  return keys
    .map(({ scheme, key }) => {
      const signature =
        scheme === 'v1' ? createHmac('sha256', key).update(content).digest() : sign(null, content, key);
      return `${scheme},${signature.toString('base64')}`;
    })
    .join(' ');
}
