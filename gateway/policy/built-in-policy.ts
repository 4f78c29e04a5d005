/**
 * The built-in policy: a list of rules. Each action of a command is judged by itself, so that allowing `read` does not allow a
 * command that reads and drops; the strictest judgement is the command's. What no rule matches is denied.
 */
import { createHash } from 'node:crypto';
import type { PolicyConfig } from '../../schemas/config/policy.ts';
import type { Outcome } from '../../schemas/types.ts';
import { compileRule, type CompiledRule } from './compile-rule.ts';
import type { DecisionInput, DirectPolicy, PolicyDecision } from './decision.ts';
import { policyError } from './errors.ts';

/** From lenient to strict. */
const STRICTNESS: readonly Outcome[] = ['allow', 'mask', 'hold_verdict', 'hold_approval', 'deny'];

const UNMATCHED: PolicyDecision = {
  outcome: 'deny',
  rule: 'default',
  reason: 'no rule of the policy allows this',
};

function stricter(one: CompiledRule, other: CompiledRule | undefined): boolean {
  return other === undefined || STRICTNESS.indexOf(one.outcome) > STRICTNESS.indexOf(other.outcome);
}

/** The strictest rule of those; the first of equals. */
function strictest(
  rules: readonly CompiledRule[],
  matches: (rule: CompiledRule) => boolean,
): CompiledRule | undefined {
  let found: CompiledRule | undefined;
  for (const rule of rules) if (stricter(rule, found) && matches(rule)) found = rule;
  return found;
}

function answer(rule: CompiledRule): PolicyDecision {
  if (rule.outcome !== 'hold_approval')
    return { outcome: rule.outcome, rule: rule.name, reason: rule.reason };
  return {
    outcome: 'deny',
    rule: rule.name,
    reason: `${rule.reason} (needs an approval, which cannot be given yet)`,
  };
}

/**
 * Makes the policy from its rules. Throws POLICY_INVALID naming the rule and the reason; nothing is half in force.
 * `rules` must not be empty (a policy without rules is the caller's choice of the default policy).
 */
export function createBuiltInPolicy(config: Pick<PolicyConfig, 'rules'>): DirectPolicy {
  const names = new Set<string>();
  for (const rule of config.rules) {
    if (names.has(rule.name))
      throw policyError('POLICY_INVALID', { rule: rule.name, reason: 'the name is taken by a rule above' });
    names.add(rule.name);
  }
  const rules = config.rules.map(compileRule);
  return { version: versionOf(config), decide: (input) => decide(rules, input) };
}

function decide(rules: readonly CompiledRule[], input: DecisionInput): PolicyDecision {
  const applying = rules.filter((rule) => rule.applies(input));
  if (input.actions.length === 0) {
    // Touches nothing (SELECT 1): denied or held only by rules on everything, allowed by any that allows something.
    const found = strictest(applying, (rule) => rule.anyAction || rule.outcome === 'allow');
    return found === undefined ? UNMATCHED : answer(found);
  }
  let worst: CompiledRule | undefined;
  for (const action of input.actions) {
    const found = strictest(applying, (rule) => rule.covers(action));
    if (found === undefined) return strictestDenial(applying, input) ?? UNMATCHED;
    if (stricter(found, worst)) worst = found;
  }
  return answer(worst!);
}

/** An explicit denial says more than that nothing matched. */
function strictestDenial(rules: readonly CompiledRule[], input: DecisionInput): PolicyDecision | undefined {
  const denial = rules.find(
    (rule) => rule.outcome === 'deny' && input.actions.some((action) => rule.covers(action)),
  );
  return denial === undefined ? undefined : answer(denial);
}

/** The same rules have the same version, on every gateway. */
function versionOf(config: Pick<PolicyConfig, 'rules'>): number {
  return createHash('sha256').update(JSON.stringify(config.rules)).digest().readUIntBE(0, 6);
}
