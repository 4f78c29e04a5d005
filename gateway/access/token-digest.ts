import { createHash } from 'node:crypto';

/** What is kept of a token to know it again. */
export const tokenDigest = (token: string): Buffer => createHash('sha256').update(token).digest();
