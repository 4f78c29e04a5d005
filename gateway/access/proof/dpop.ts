/** Proofs of possession by DPoP (RFC 9449, section 4.3): a small token signed by the key that it brings, for one call. */
import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, compactVerify, EmbeddedJWK, errors } from 'jose';
import type { Clock } from '../../../platform/clock/clock.ts';
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import type { CountersignError } from '../../../platform/errors/errors.ts';
import type { AccessResult } from '../access.ts';
import { accessError } from '../errors.ts';
import { parseJwt } from '../issuers/verify-jwt.ts';
import { spendProof } from './spent-proofs.ts';

export interface DpopCall {
  readonly method: string;
  /** Without query and fragment. */
  readonly url: string;
  /** The token that is shown with the proof; null where none is. */
  readonly token: string | null;
}

export interface DpopProofs {
  verify(proof: string, call: DpopCall): Promise<AccessResult<ProvedKey>>;
  /**
   * Uses it up for all gateways of the control store; only for callers who are known, since it writes there. ACCESS_PROOF_WRONG where it was used
   * before. The exchange does it in its own transaction.
   */
  spend(proofId: string): Promise<AccessResult<undefined>>;
}

export interface ProvedKey {
  /** RFC 7638. */
  readonly thumbprint: string;
  /** Where other gateways must hear of its use (spent-proofs.ts). */
  readonly proofId?: string;
}

const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'EdDSA', 'PS256', 'RS256'];
/** How far clocks may be apart, and how long a proof is good for. */
const WINDOW_MS = 60_000;
const SEEN_MAX = 100_000;
const ID_CHARACTERS_MAX = 256;
export const USED_BEFORE = 'it was used before';
/** Good for a minute: what a power cut takes back has nearly run out by then. */
const UNFLUSHED = { flush: false } as const;

/** Host and path; who stands in front of us may have taken the TLS off. */
function placeOf(url: string): string | undefined {
  const parsed = URL.parse(url);
  return parsed === null ? undefined : `${parsed.host}${parsed.pathname}`;
}

/** `store`: where one process alone has it, remembering here what was seen is enough. */
export function createDpopProofs({
  clock,
  store,
}: {
  readonly clock: Clock;
  readonly store: Pick<ControlStore, 'presence' | 'transact'>;
}): DpopProofs {
  const seen = new Map<string, number>();
  const isSeen = (id: string): boolean => {
    const now = clock.now();
    // In the order they came, so the oldest stand first.
    for (const [old, at] of seen) {
      if (at > now - 2 * WINDOW_MS && seen.size < SEEN_MAX) break;
      seen.delete(old);
    }
    if (seen.has(id)) return true;
    seen.set(id, now);
    return false;
  };
  const wrong = (reason: string): { readonly ok: false; readonly error: CountersignError } => ({
    ok: false,
    error: accessError('ACCESS_PROOF_WRONG', { reason }),
  });
  return {
    async spend(proofId) {
      const isNew = await store.transact(
        (transaction) => spendProof(transaction, proofId, clock.now()),
        UNFLUSHED,
      );
      return isNew ? { ok: true, value: undefined } : wrong(USED_BEFORE);
    },
    async verify(proof, { method, url, token }) {
      const parsed = parseJwt(proof);
      if (parsed === undefined) return wrong('it is no token');
      const { header, claims } = parsed;
      if (header.typ !== 'dpop+jwt') return wrong('its type is not dpop+jwt');
      if (typeof header.alg !== 'string' || !ALGORITHMS.includes(header.alg))
        return wrong('its algorithm is not allowed');
      const { jwk } = header;
      if (jwk === undefined || 'd' in jwk || 'k' in jwk) return wrong('it brings no public key');
      let thumbprint: string;
      try {
        await compactVerify(proof, EmbeddedJWK, { algorithms: ALGORITHMS });
        thumbprint = await calculateJwkThumbprint(jwk);
      } catch (error) {
        if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException)
          return wrong('its signature is not of the key that it brings');
        throw error;
      }
      if (claims['htm'] !== method) return wrong('it is for another method');
      const place = typeof claims['htu'] === 'string' ? placeOf(claims['htu']) : undefined;
      if (place === undefined || place !== placeOf(url)) return wrong('it is for another address');
      const { iat, jti, ath } = claims;
      if (typeof iat !== 'number' || Math.abs(iat * 1000 - clock.now()) > WINDOW_MS)
        return wrong('it was not made now');
      const wanted = token === null ? undefined : createHash('sha256').update(token).digest('base64url');
      if (ath !== wanted) return wrong('it is for another token');
      if (typeof jti !== 'string' || jti === '' || jti.length > ID_CHARACTERS_MAX)
        return wrong('it has no id');
      const id = `${thumbprint} ${jti}`;
      if (isSeen(id)) return wrong(USED_BEFORE);
      if (store.presence === undefined) return { ok: true, value: { thumbprint } };
      const proofId = createHash('sha256').update(id).digest('base64url');
      return { ok: true, value: { thumbprint, proofId } };
    },
  };
}
