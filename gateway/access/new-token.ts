/** Makes a token as it is kept: its digest and its SCRAM verifier, never the secret. */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { StoredToken } from '../control/token-index.ts';
import { makeVerifier, newSalt } from './scram-verifier.ts';
import { makeToken, tokenIdOf } from './token-format.ts';
import { tokenDigest } from './token-digest.ts';

export type TokenFields = Omit<
  StoredToken,
  'tokenId' | 'revokedAt' | 'revokedReason' | 'digest' | 'scram' | 'withoutSecret'
>;

/** `token` is the secret, known from here on to its holder only. */
export function newToken(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  fields: TokenFields,
  scramIterations: number,
): { token: string; stored: StoredToken } {
  const tokenId = tokenIdOf(random.uuidv7(clock.now()));
  const bytes = (length: number): Buffer => random.bytes(length);
  const token = makeToken(tokenId, bytes);
  const { salt, iterations, storedKey, serverKey } = makeVerifier(token, newSalt(bytes), scramIterations);
  return {
    token,
    stored: {
      ...fields,
      tokenId,
      revokedAt: null,
      revokedReason: null,
      digest: tokenDigest(token).toString('base64'),
      scram: {
        salt: salt.toString('base64'),
        iterations,
        storedKey: storedKey.toString('base64'),
        serverKey: serverKey.toString('base64'),
      },
    },
  };
}

/** One that stands for an outside credential: nothing but that credential opens what it opens. */
export function newStandingToken(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  fields: TokenFields,
): StoredToken {
  return {
    ...fields,
    tokenId: tokenIdOf(random.uuidv7(clock.now())),
    revokedAt: null,
    revokedReason: null,
    // Of nothing that anybody could show.
    digest: tokenDigest(random.bytes(32).toString('base64')).toString('base64'),
    scram: { salt: '', iterations: 0, storedKey: '', serverKey: '' },
    withoutSecret: true,
  };
}
