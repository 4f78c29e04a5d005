/**
 * What the rules say to one shape of a command in one session: which of them cover which of its actions. Where none of those
 * asks for time, rate or stated reasons, the decision is made once.
 */
import type { Action, RiskClass } from '../../schemas/types.ts';
import type { CompiledRule } from './compile-rule.ts';
import type { Standing } from './conditions.ts';
import type { DecisionInput, GrantRef, PolicyDecision } from './decision.ts';
import { grantFor } from './grants.ts';
import { isStricter, stricterOf } from './strictness.ts';

export interface Plan {
  /** For each action, in their order, the rules that cover it, in theirs. */
  readonly covering: readonly (readonly CompiledRule[])[];
  /** The decision where it is always the same. */
  readonly fixed: PolicyDecision | undefined;
}

export const UNMATCHED: PolicyDecision = {
  outcome: 'deny',
  rule: 'default',
  reason: 'no rule of the policy allows this',
};

/** `rules` are those that are in scope. */
export function makePlan(rules: readonly CompiledRule[], actions: readonly Action[], risk: RiskClass): Plan {
  const atRisk = rules.filter((rule) => rule.atRisk(risk));
  const covering =
    actions.length === 0
      ? // Touches nothing (SELECT 1): denied or held only by rules on everything, allowed by any that allows something.
        [atRisk.filter((rule) => rule.anyAction || rule.outcome === 'allow').map(withoutItsOwn)]
      : actions.map((action) => atRisk.filter((rule) => rule.covers(action)));
  const moving = covering.some((list) =>
    list.some((rule) => rule.atTime !== undefined || rule.demand !== undefined),
  );
  return { covering, fixed: moving ? undefined : decideByRules(covering) };
}

/** What a rule on certain actions asks for and limits is for those. */
const withoutItsOwn = (rule: CompiledRule): CompiledRule =>
  rule.anyAction ? rule : { ...rule, limits: undefined, demand: undefined };

export type Moment = Standing & Pick<DecisionInput, 'now' | 'actions' | 'grants'> & DecisionInput;

/** The decision under a plan that may move with time, rate, stated reasons and grants. */
export function decideByPlan(plan: Plan, input: Moment): PolicyDecision {
  const { covering } = plan;
  const grants = input.grants?.length === 0 ? undefined : input.grants;
  if (plan.fixed !== undefined && grants === undefined) return plan.fixed;
  const applying = covering.map((list) =>
    list.filter((rule) => rule.atTime === undefined || rule.atTime(input)),
  );
  const refused = unmetDemand(applying, input);
  const granted = (at: number): GrantRef | undefined => {
    const action = input.actions[at];
    return action === undefined ? undefined : grantFor(grants, action, input.target, input.now);
  };
  const decided = decideByRules(applying, grants === undefined ? undefined : granted);
  // An explicit denial says more.
  return refused === undefined || (decided.outcome === 'deny' && decided !== UNMATCHED) ? decided : refused;
}

function unmetDemand(
  applying: readonly (readonly CompiledRule[])[],
  input: DecisionInput,
): PolicyDecision | undefined {
  for (const list of applying)
    for (const rule of list) {
      const unmet = rule.demand?.(input);
      if (unmet !== undefined)
        return { outcome: 'deny', rule: rule.name, reason: `${rule.reason} (${unmet})` };
    }
  return undefined;
}

function decisionOf(rule: CompiledRule): PolicyDecision {
  const { name, outcome, reason, limits, approval, verdict } = rule;
  return {
    outcome,
    rule: name,
    reason,
    ...(limits === undefined || outcome === 'deny' ? {} : { limits }),
    ...(approval === undefined ? {} : { approval }),
    ...(verdict === undefined ? {} : { verdict }),
  };
}

function strictest(rules: readonly CompiledRule[]): CompiledRule | undefined {
  let found: CompiledRule | undefined;
  for (const rule of rules) if (found === undefined || isStricter(rule.outcome, found.outcome)) found = rule;
  return found;
}

/** Each action is judged by itself, so that allowing `read` does not allow a command that reads and drops; the strictest counts. */
function decideByRules(
  applying: readonly (readonly CompiledRule[])[],
  granted?: (at: number) => GrantRef | undefined,
): PolicyDecision {
  let worst: PolicyDecision | undefined;
  let unmatched = false;
  for (const [at, list] of applying.entries()) {
    const found = strictest(list);
    const judged = ofAction(list, found, granted?.(at));
    if (judged === undefined) unmatched = true;
    else worst = worst === undefined ? judged : stricterOf(worst, judged);
  }
  if (unmatched) return worst?.outcome === 'deny' ? worst : UNMATCHED;
  return worst!;
}

function ofAction(
  list: readonly CompiledRule[],
  found: CompiledRule | undefined,
  grant: GrantRef | undefined,
): PolicyDecision | undefined {
  if (found?.outcome === 'deny') return decisionOf(found);
  // Rules that ask for less than the strictest still bound the answer.
  const others = list.filter((rule) => rule !== found);
  if (grant !== undefined && (found === undefined || found.outcome === 'hold_approval')) {
    const allowed: PolicyDecision = {
      outcome: 'allow',
      rule: `grant:${grant.grantId}`,
      reason: 'access was granted for a time',
      grantId: grant.grantId,
    };
    return list.reduce(
      (so, { limits }) => (limits === undefined ? so : stricterOf(so, { ...so, limits })),
      allowed,
    );
  }
  if (found === undefined) return undefined;
  return others.reduce((so, rule) => stricterOf(so, decisionOf(rule)), decisionOf(found));
}
