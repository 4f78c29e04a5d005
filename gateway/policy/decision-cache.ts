/**
 * Decisions of a policy in Rego, kept by what of the input counts. In front, by the objects that stay the same while a session
 * does the same again (its identity, the analysis of a shape), so that a warm shape costs no text; behind, by the document.
 */
import type { Action, Client, Identity, Target } from '../../schemas/types.ts';
import type { DecisionInput, PolicyDecision } from './decision.ts';
import { minuteOf } from './input-document.ts';

interface Kept {
  readonly decision: PolicyDecision;
  /** Milliseconds since the epoch; it is not used from then on. */
  readonly endsAt: number;
}

interface Front {
  readonly client: Client;
  readonly target: Target;
  readonly principals: readonly Identity[] | undefined;
  minute: number;
  byActions: WeakMap<readonly Action[], Map<string, Kept>>;
}

export interface DecisionCache {
  /** Without making a document. */
  quick(input: DecisionInput): PolicyDecision | undefined;
  find(input: DecisionInput, document: string): PolicyDecision | undefined;
  /** `keptMs`: no longer than that. */
  keep(input: DecisionInput, document: string, decision: PolicyDecision, keptMs?: number): void;
  clear(): void;
}

/** Other reasons, risks and fingerprints of the same analysis; they are few. */
const VARIANTS_MAX = 64;

/** `cacheMs`: greatest age; null: as long as the document is the same. */
export function createDecisionCache(config: {
  readonly cachedMax: number;
  readonly cacheMs: number | null;
}): DecisionCache {
  const { cachedMax, cacheMs } = config;
  const byDocument = new Map<string, Kept>();
  let fronts = new WeakMap<Identity, Front>();
  const off = cachedMax === 0 || cacheMs === 0;
  const hasGrants = ({ grants }: DecisionInput): boolean => grants !== undefined && grants.length > 0;
  const variantOf = ({ risk, fingerprint, reason, ticket }: DecisionInput): string =>
    `${risk}\u0001${fingerprint ?? ''}\u0001${reason ?? ''}\u0001${ticket ?? ''}`;

  const frontOf = (input: DecisionInput): Front => {
    const { identity, client, target, principals } = input;
    const minute = minuteOf(input.now);
    const known = fronts.get(identity);
    if (
      known !== undefined &&
      known.client === client &&
      known.target === target &&
      known.principals === principals
    ) {
      if (known.minute !== minute) {
        known.minute = minute;
        known.byActions = new WeakMap();
      }
      return known;
    }
    const front: Front = { client, target, principals, minute, byActions: new WeakMap() };
    fronts.set(identity, front);
    return front;
  };
  const live = (kept: Kept | undefined, now: number): PolicyDecision | undefined =>
    kept !== undefined && kept.endsAt > now ? kept.decision : undefined;
  const keepInFront = (input: DecisionInput, kept: Kept): void => {
    if (hasGrants(input)) return;
    const { byActions } = frontOf(input);
    let variants = byActions.get(input.actions);
    if (variants === undefined || variants.size >= VARIANTS_MAX)
      byActions.set(input.actions, (variants = new Map()));
    variants.set(variantOf(input), kept);
  };

  return {
    quick(input) {
      // Grants end within a minute, too.
      if (off || hasGrants(input)) return undefined;
      return live(frontOf(input).byActions.get(input.actions)?.get(variantOf(input)), input.now);
    },
    find(input, document) {
      const kept = byDocument.get(document);
      if (kept === undefined || kept.endsAt <= input.now) return undefined;
      keepInFront(input, kept);
      return kept.decision;
    },
    keep(input, document, decision, keptMs = Number.POSITIVE_INFINITY) {
      if (off) return;
      const kept = { decision, endsAt: input.now + Math.min(keptMs, cacheMs ?? Number.POSITIVE_INFINITY) };
      byDocument.delete(document);
      byDocument.set(document, kept);
      if (byDocument.size > cachedMax) byDocument.delete(byDocument.keys().next().value!);
      keepInFront(input, kept);
    },
    clear() {
      byDocument.clear();
      fronts = new WeakMap();
    },
  };
}
