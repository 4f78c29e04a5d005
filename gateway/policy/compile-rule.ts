/** A rule as conditions that are cheap to ask: those on who and where once per command, those on what once per action. */
import type { PolicyRule } from '../../schemas/config/policy.ts';
import type { Action, Outcome } from '../../schemas/types.ts';
import type { DecisionInput } from './decision.ts';
import { policyError } from './errors.ts';
import { compileGlobs } from './globs.ts';
import { compileHours } from './hours.ts';
import { compileNetworks } from './networks.ts';
import { RISKS } from './risk.ts';

export interface CompiledRule {
  readonly name: string;
  readonly outcome: Outcome;
  readonly reason: string;
  /** Who, where, when and how risky. */
  applies(input: DecisionInput): boolean;
  /** What. */
  covers(action: Action): boolean;
  /** Whether `covers` asks anything at all. */
  readonly anyAction: boolean;
}

type Condition = (input: DecisionInput) => boolean;

/** Throws POLICY_INVALID with the rule and the reason. */
export function compileRule(rule: PolicyRule): CompiledRule {
  const conditions = conditionsOf(rule);
  const actions = compileGlobs(rule.actions);
  const objects = compileGlobs(rule.objects);
  const whole = rule.whole;
  return {
    name: rule.name,
    outcome: rule.outcome,
    reason: rule.reason,
    anyAction: actions === undefined && objects === undefined && whole === undefined,
    applies: (input) => conditions.every((condition) => condition(input)),
    covers: (action) =>
      (actions === undefined || actions(action.action)) &&
      (objects === undefined || (action.object !== null && objects(action.object))) &&
      (whole === undefined || action.whole === whole),
  };
}

function conditionsOf(rule: PolicyRule): readonly Condition[] {
  const conditions: Condition[] = [];
  const text = (
    patterns: readonly string[] | undefined,
    values: (input: DecisionInput) => readonly (string | null)[],
  ): void => {
    const matches = compileGlobs(patterns);
    if (matches !== undefined)
      conditions.push((input) => values(input).some((value) => value !== null && matches(value)));
  };
  const kinds = rule.kinds;
  if (kinds !== undefined) conditions.push((input) => kinds.includes(input.identity.kind));
  const riskAtLeast = rule.riskAtLeast;
  if (riskAtLeast !== undefined) {
    const least = RISKS.indexOf(riskAtLeast);
    conditions.push((input) => RISKS.indexOf(input.risk) >= least);
  }
  text(rule.protocols, (input) => [input.target.protocol]);
  text(rule.connections, (input) => [input.target.connection]);
  text(rule.identities, (input) => [input.identity.id, input.identity.subject]);
  text(rule.credentialSources, (input) => [input.identity.credentialSource]);
  text(rule.groups, (input) => input.identity.groups);
  if (rule.networks !== undefined) {
    const matches = orInvalid(rule, compileNetworks(rule.networks));
    conditions.push((input) => matches(input.client.ip));
  }
  if (rule.hours !== undefined) {
    const matches = orInvalid(rule, compileHours(rule.hours));
    conditions.push((input) => matches(input.now));
  }
  return conditions;
}

function orInvalid<T>(rule: PolicyRule, compiled: T | { readonly reason: string }): T {
  if (typeof compiled === 'object' && compiled !== null && 'reason' in compiled) {
    throw policyError('POLICY_INVALID', { rule: rule.name, reason: compiled.reason });
  }
  return compiled;
}
