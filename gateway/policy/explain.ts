/** Why the rules decide as they do: for each rule which of its conditions hold, so that the ones that were near can be shown. */
import type { PolicyRule } from '../../schemas/config/policy-rule.ts';
import type { Action, Outcome } from '../../schemas/types.ts';
import { compileRules } from './built-in-policy.ts';
import type { CompiledRule } from './compile-rule.ts';
import type { DecisionInput } from './decision.ts';

export interface RuleExplained {
  readonly rule: string;
  readonly outcome: Outcome;
  readonly reason: string;
  /** Fields of its conditions that do not hold; none: it matches. */
  readonly failing: readonly string[];
  /** What it asks for and does not get (a reason, a ticket, fewer requests); null where nothing. */
  readonly unmet: string | null;
  /** Actions of the command that it covers. */
  readonly covers: readonly Action[];
}

/** All rules, in their order. Throws POLICY_INVALID. */
export function explainRules(
  { rules }: { readonly rules: readonly PolicyRule[] },
  input: DecisionInput,
): readonly RuleExplained[] {
  return compileRules(rules).map((rule) => explainRule(rule, input));
}

function explainRule(rule: CompiledRule, input: DecisionInput): RuleExplained {
  const failing = [
    ...rule.standing.filter((condition) => !condition.holds(input)).map(({ field }) => field),
    ...(rule.inScope(input) || rule.standing.some((condition) => !condition.holds(input)) ? [] : ['unless']),
    ...(rule.atRisk(input.risk) ? [] : ['riskAtLeast']),
    ...(rule.atTime === undefined || rule.atTime(input) ? [] : ['hours']),
    ...whatFails(rule, input.actions),
  ];
  return {
    rule: rule.name,
    outcome: rule.outcome,
    reason: rule.reason,
    failing,
    unmet:
      failing.length > 0 || (input.actions.length === 0 && !rule.anyAction)
        ? null
        : (rule.demand?.(input) ?? null),
    covers: input.actions.filter((action) => rule.covers(action)),
  };
}

/** Of the action that comes nearest. */
function whatFails(rule: CompiledRule, actions: readonly Action[]): readonly string[] {
  if (actions.length === 0)
    return rule.anyAction || rule.outcome === 'allow' ? [] : rule.what.map(({ field }) => field);
  const failing = actions.map((action) =>
    rule.what.filter((condition) => !condition.holds(action)).map(({ field }) => field),
  );
  return failing.reduce((least, one) => (one.length < least.length ? one : least));
}
