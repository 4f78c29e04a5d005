/** Outside credentials that were verified a moment ago, by digest, so that a pool of connections pays once. */
import type { Clock } from '../../platform/clock/clock.ts';
import { tokenDigest } from './token-digest.ts';

export interface ShownTokens {
  get(credential: string): string | undefined;
  keep(credential: string, tokenId: string): void;
}

const KEPT_MAX = 10_000;
/** The issuer may take its key back. */
const KEPT_MS = 10_000;

export function createShownTokens({ clock }: { readonly clock: Clock }): ShownTokens {
  const kept = new Map<string, { readonly tokenId: string; readonly untilUs: number }>();
  // With the signature, unlike the digest in the control store: nothing here has been verified otherwise.
  const keyOf = (credential: string): string => tokenDigest(credential).toString('base64');
  return {
    get(credential) {
      const found = kept.get(keyOf(credential));
      return found !== undefined && found.untilUs > clock.monotonicUs() ? found.tokenId : undefined;
    },
    keep(credential, tokenId) {
      if (kept.size >= KEPT_MAX) kept.delete(kept.keys().next().value!);
      kept.set(keyOf(credential), { tokenId, untilUs: clock.monotonicUs() + KEPT_MS * 1000 });
    },
  };
}
