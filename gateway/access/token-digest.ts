import { sha256 } from '../../platform/digest/sha256.ts';

/** What is kept of a token to know it again. */
export const tokenDigest = (token: string): Buffer => sha256(token);
