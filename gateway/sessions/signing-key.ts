/** The gateway's Ed25519 key (RFC 8032) for checkpoints. */
import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import type { Random } from '../../platform/clock/clock.ts';
import type { Vault } from '../credentials/vault.ts';

export interface Signer {
  /** First 16 hex digits of SHA-256 over the public key's SubjectPublicKeyInfo. */
  readonly keyId: string;
  readonly publicKeyPem: string;
  sign(bytes: Buffer): Buffer;
}

/** PKCS #8 of an Ed25519 seed (RFC 8410, section 7) up to the 32 bytes themselves. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

export const keyIdOf = (publicKey: KeyObject): string =>
  createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16);

/** A signer from a seed of 32 bytes. */
export function createSigner(seed: Buffer): Signer {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey);
  return {
    keyId: keyIdOf(publicKey),
    publicKeyPem: String(publicKey.export({ type: 'spki', format: 'pem' })),
    sign: (bytes) => sign(null, bytes, privateKey),
  };
}

/** Takes the gateway's key from the vault, making it at the first start. */
export async function loadSigner(vault: Vault, random: Random, gatewayId: string): Promise<Signer> {
  const fresh = Buffer.from(random.bytes(32)).toString('base64');
  const { value } = await vault.getOrPut(`gateway/${gatewayId}/audit-key`, fresh);
  return createSigner(Buffer.from(value, 'base64'));
}
