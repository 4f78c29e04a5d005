/** Outcomes from lenient to strict, and what several decisions on one command come to. */
import type { Outcome } from '../../schemas/types.ts';
import type { ApprovalDemand, Limits, PolicyDecision, VerdictTerms } from './decision.ts';

const STRICTNESS: readonly Outcome[] = ['allow', 'mask', 'hold_verdict', 'hold_approval', 'deny'];

/** True where `one` is stricter than `other`. */
export const isStricter = (one: Outcome, other: Outcome): boolean =>
  STRICTNESS.indexOf(one) > STRICTNESS.indexOf(other);

const LIMITS = ['rowsMax', 'bytesMax', 'sessionRowsMax', 'sessionBytesMax'] as const;

/** The least of each. */
export function tighterLimits(one: Limits | undefined, other: Limits | undefined): Limits | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const both: { -readonly [K in keyof Limits]: Limits[K] } = { ...one };
  for (const name of LIMITS) {
    const value = other[name];
    if (value !== undefined && !(both[name] !== undefined && both[name] <= value)) both[name] = value;
  }
  return both;
}

/** What satisfies both demands; null where no approver could. */
export function bothDemands(one: ApprovalDemand, other: ApprovalDemand): ApprovalDemand | null {
  const groups =
    one.groups.length === 0
      ? other.groups
      : other.groups.length === 0
        ? one.groups
        : one.groups.filter((group) => other.groups.includes(group));
  if (groups.length === 0 && one.groups.length + other.groups.length > 0) return null;
  return {
    approvals: Math.max(one.approvals, other.approvals),
    groups,
    secondFactor: one.secondFactor || other.secondFactor,
    scope: one.scope === 'statement' || other.scope === 'statement' ? 'statement' : 'session',
    validMs: Math.min(one.validMs, other.validMs),
  };
}

/** The stricter end of a late hold: deny, then what the gateway is configured to do, then allow. */
export function stricterTerms(
  one: VerdictTerms | undefined,
  other: VerdictTerms | undefined,
): VerdictTerms | undefined {
  const ends = [one?.onLate, other?.onLate];
  const onLate = ends.includes('deny') ? 'deny' : ends.includes(undefined) ? undefined : 'allow';
  const holdMs = one?.holdMs ?? other?.holdMs;
  if (onLate === undefined && holdMs === undefined) return undefined;
  return { ...(holdMs === undefined ? {} : { holdMs }), ...(onLate === undefined ? {} : { onLate }) };
}

const CONTRADICTION = 'two rules ask for approvers of different groups, and nobody can be both';

/** One decision of two on the same command: the stricter one, within the limits and demands of both. */
export function stricterOf(one: PolicyDecision, other: PolicyDecision): PolicyDecision {
  const chosen = isStricter(other.outcome, one.outcome) ? other : one;
  if (chosen.outcome === 'deny') return chosen;
  const limits = tighterLimits(one.limits, other.limits);
  const joined: PolicyDecision = limits === undefined ? chosen : { ...chosen, limits };
  if (one.outcome !== other.outcome) return joined;
  if (one.approval !== undefined && other.approval !== undefined) {
    const approval = bothDemands(one.approval, other.approval);
    if (approval === null)
      return { outcome: 'deny', rule: one.rule, reason: `${one.reason} (${CONTRADICTION})` };
    return { ...joined, approval };
  }
  if (one.outcome !== 'hold_verdict') return joined;
  const { verdict: _, ...rest } = joined;
  const verdict = stricterTerms(one.verdict, other.verdict);
  return verdict === undefined ? rest : { ...rest, verdict };
}
