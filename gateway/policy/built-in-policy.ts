/**
 * The built-in policy: a list of rules. Each action of a command is judged by itself, so that allowing `read` does not allow a
 * command that reads and drops; the strictest judgement is the command's. What no rule matches is denied. Who acts for persons
 * may do what they all may.
 */
import { sha256 } from '../../platform/digest/sha256.ts';
import type { PolicyRule } from '../../schemas/config/policy-rule.ts';
import type { Action, Client, Identity, RiskClass, Target } from '../../schemas/types.ts';
import { compileRule, type CompiledRule } from './compile-rule.ts';
import type { DecisionInput, DirectPolicy, PolicyDecision } from './decision.ts';
import { policyError } from './errors.ts';
import { decideByPlan, makePlan, type Plan } from './plan.ts';
import { RISKS } from './risk.ts';
import { stricterOf } from './strictness.ts';

/** Names of actions whose rules are kept per session; the analyses have a few dozen. */
const ACTION_NAMES_MAX = 256;
/** Identities that act in one session: its own, and those for whom it acts. */
const SCOPES_MAX = 16;

/** The rules for one session and one identity, and its plans by shape. They go with the session: they hang on its client. */
interface Scope {
  readonly identity: Identity;
  readonly target: Target;
  readonly rules: readonly CompiledRule[];
  readonly byAction: Map<string, readonly CompiledRule[]>;
  /** By the actions of a shape (the analysis gives the same list again for a shape it knows), then by risk class. */
  readonly plans: WeakMap<readonly Action[], (Plan | undefined)[]>;
}

/** Throws POLICY_INVALID naming the rule and the reason. */
export function compileRules(rules: readonly PolicyRule[]): readonly CompiledRule[] {
  const names = new Set<string>();
  return rules.map((rule) => {
    if (names.has(rule.name))
      throw policyError('POLICY_INVALID', { rule: rule.name, reason: 'the name is taken by a rule above' });
    names.add(rule.name);
    return compileRule(rule);
  });
}

/**
 * Makes the policy from its rules. Throws POLICY_INVALID naming the rule and the reason; nothing is half in force.
 * `rules` must not be empty (a policy without rules is the caller's choice of the default policy).
 */
export function createBuiltInPolicy({ rules }: { readonly rules: readonly PolicyRule[] }): DirectPolicy {
  const compiled = compileRules(rules);
  // An identity may be one object for many sessions; a client is one session's. More than one scope has who acts for others.
  const scopes = new WeakMap<Client, Scope[]>();

  const scopeOf = (identity: Identity, { client, target }: DecisionInput): Scope => {
    const known = scopes.get(client);
    for (const scope of known ?? []) if (scope.identity === identity && scope.target === target) return scope;
    const scope: Scope = {
      identity,
      target,
      rules: compiled.filter((rule) => rule.inScope({ identity, client, target })),
      byAction: new Map(),
      plans: new WeakMap(),
    };
    if (known === undefined || known.length >= SCOPES_MAX) scopes.set(client, [scope]);
    else known.push(scope);
    return scope;
  };
  const planOf = (scope: Scope, actions: readonly Action[], risk: RiskClass): Plan => {
    let plans = scope.plans.get(actions);
    if (plans === undefined) scope.plans.set(actions, (plans = []));
    const at = RISKS.indexOf(risk);
    return (plans[at] ??= makePlan(relevantRules(scope, actions), actions, risk));
  };
  const decideFor = (identity: Identity, input: DecisionInput): PolicyDecision => {
    const plan = planOf(scopeOf(identity, input), input.actions, input.risk);
    if (plan.fixed !== undefined && (input.grants === undefined || input.grants.length === 0))
      return plan.fixed;
    return decideByPlan(plan, identity === input.identity ? input : { ...input, identity });
  };
  return {
    version: versionOf(rules),
    countsIdentities: rules.some(({ rate }) => rate !== undefined && rate.per !== 'session'),
    decide(input) {
      const own = decideFor(input.identity, input);
      const { principals } = input;
      if (principals === undefined || principals.length === 0) return own;
      let strictest = own;
      for (const principal of principals) {
        const theirs = decideFor(principal, input);
        const reason = `${theirs.reason} (for ${principal.id}, whom it acts for)`;
        strictest = stricterOf(strictest, { ...theirs, reason });
      }
      return strictest;
    },
  };
}

/** Rules that may cover one of the actions, in their order. */
function relevantRules(scope: Scope, actions: readonly Action[]): readonly CompiledRule[] {
  const [first] = actions;
  if (first === undefined || actions.some(({ action }) => action !== first.action)) return scope.rules;
  const known = scope.byAction.get(first.action);
  if (known !== undefined) return known;
  const found = scope.rules.filter(({ what }) =>
    what.every(({ field, holds }) => field !== 'actions' || holds(first)),
  );
  if (scope.byAction.size < ACTION_NAMES_MAX) scope.byAction.set(first.action, found);
  return found;
}

/** The same rules have the same version, on every gateway. */
function versionOf(rules: readonly PolicyRule[]): number {
  return sha256(JSON.stringify(rules)).readUIntBE(0, 6);
}
