/** SCRAM-SHA-256 verifiers (RFC 5802 section 3, RFC 7677). */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import type { ScramVerifier } from './access.ts';

const SALT_BYTES = 16;
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** `password` is ASCII here, which SASLprep leaves as it is. */
export function makeVerifier(password: string, salt: Buffer, iterations: number): ScramVerifier {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
  return { salt, iterations, storedKey, serverKey: hmac(salted, 'Server Key') };
}

/** A verifier that no password matches; the same for each try of a name, so that it tells nothing about the name. */
export function decoyVerifier(secret: Buffer, userName: string, iterations: number): ScramVerifier {
  const salt = hmac(secret, `salt ${userName}`).subarray(0, SALT_BYTES);
  return {
    salt,
    iterations,
    storedKey: hmac(secret, `stored ${userName}`),
    serverKey: hmac(secret, `server ${userName}`),
  };
}

export const newSalt = (bytes: (length: number) => Buffer): Buffer => Buffer.from(bytes(SALT_BYTES));
