/**
 * A rule as conditions that are cheap to ask: those on who and where once per session, those on what once per shape of a command,
 * only those on time, rate and stated reasons each time.
 */
import type { PolicyRule } from '../../schemas/config/policy-rule.ts';
import type { Action, Outcome, RiskClass } from '../../schemas/types.ts';
import { BadCondition, compileConditions, type Condition, type Standing } from './conditions.ts';
import type { ApprovalDemand, DecisionInput, Limits, VerdictTerms } from './decision.ts';
import { compileDemand, type Demand } from './demands.ts';
import { policyError } from './errors.ts';
import { compileGlobs } from './globs.ts';
import { RISKS } from './risk.ts';

export interface CompiledRule {
  readonly name: string;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly limits: Limits | undefined;
  readonly approval: ApprovalDemand | undefined;
  readonly verdict: VerdictTerms | undefined;
  /** Who and where: the same for all commands of a session. */
  readonly standing: readonly Condition[];
  /** Who and where of its exception; undefined where there is none. */
  readonly unless: readonly Condition[] | undefined;
  inScope(standing: Standing): boolean;
  /** The action's name, object, columns and whether it is whole, by the fields' names. */
  readonly what: readonly { readonly field: string; holds(action: Action): boolean }[];
  covers(action: Action): boolean;
  atRisk(risk: RiskClass): boolean;
  /** Whether it asks nothing of actions. */
  readonly anyAction: boolean;
  /** Hours; undefined where the rule holds at any time. */
  readonly atTime: ((input: Standing & Pick<DecisionInput, 'now'>) => boolean) | undefined;
  readonly demand: Demand | undefined;
}

const APPROVAL: ApprovalDemand = {
  approvals: 1,
  groups: [],
  secondFactor: true,
  scope: 'statement',
  validMs: 900_000,
};

/** Throws POLICY_INVALID with the rule and the reason. */
export function compileRule(rule: PolicyRule): CompiledRule {
  try {
    return compiled(rule);
  } catch (error) {
    if (error instanceof BadCondition)
      throw policyError('POLICY_INVALID', { rule: rule.name, reason: error.message }, error);
    throw error;
  }
}

function compiled(rule: PolicyRule): CompiledRule {
  checkFields(rule);
  const conditions = compileConditions(rule);
  const exception = rule.unless === undefined ? undefined : compileConditions(rule.unless);
  const what = compileWhat(rule);
  const least = rule.riskAtLeast === undefined ? 0 : RISKS.indexOf(rule.riskAtLeast);
  const holdAll = (list: readonly Condition[], standing: Standing): boolean =>
    list.every((condition) => condition.holds(standing));
  const { hours } = conditions;
  const exceptHours = exception?.hours;
  const atTime: CompiledRule['atTime'] =
    hours === undefined && exceptHours === undefined
      ? undefined
      : (input) =>
          (hours === undefined || hours(input.now)) &&
          !(exceptHours !== undefined && exceptHours(input.now) && holdAll(exception!.fixed, input));
  return {
    name: rule.name,
    outcome: rule.outcome,
    reason: rule.reason,
    limits: rule.limits,
    approval: rule.outcome === 'hold_approval' ? demandOf(rule) : undefined,
    verdict: rule.verdict,
    standing: conditions.fixed,
    unless: exception?.fixed,
    inScope: (standing) =>
      holdAll(conditions.fixed, standing) &&
      // An exception with hours comes and goes.
      (exception === undefined || exceptHours !== undefined || !holdAll(exception.fixed, standing)),
    what,
    covers: (action) => what.every((condition) => condition.holds(action)),
    atRisk: (risk) => RISKS.indexOf(risk) >= least,
    anyAction: what.length === 0,
    atTime,
    demand: compileDemand(rule),
  };
}

function demandOf({ approval = {} }: PolicyRule): ApprovalDemand {
  const { approvalsMin, ...rest } = approval;
  return { ...APPROVAL, ...rest, ...(approvalsMin === undefined ? {} : { approvals: approvalsMin }) };
}

function checkFields(rule: PolicyRule): void {
  if (rule.approval !== undefined && rule.outcome !== 'hold_approval')
    throw new BadCondition('approval is for the outcome hold_approval');
  if (rule.verdict !== undefined && rule.outcome !== 'hold_verdict')
    throw new BadCondition('verdict is for the outcome hold_verdict');
  if (rule.outcome === 'deny')
    for (const field of ['limits', 'rate', 'requires'] as const)
      if (rule[field] !== undefined)
        throw new BadCondition(`${field} says nothing where the outcome is deny`);
}

/** None: not known; `*`: all of them, whatever their names. */
const areKnown = (columns: readonly string[]): boolean => columns.length > 0 && !columns.includes('*');

function compileWhat(rule: PolicyRule): CompiledRule['what'] {
  const what: { field: string; holds(action: Action): boolean }[] = [];
  const actions = compileGlobs(rule.actions);
  const objects = compileGlobs(rule.objects);
  const columns = compileGlobs(rule.columns);
  const { whole } = rule;
  if (actions !== undefined) what.push({ field: 'actions', holds: ({ action }) => actions(action) });
  if (objects !== undefined)
    what.push({ field: 'objects', holds: ({ object }) => object !== null && objects(object) });
  if (columns !== undefined)
    what.push({
      field: 'columns',
      holds:
        rule.outcome === 'allow'
          ? (action) => areKnown(action.columns) && action.columns.every(columns)
          : (action) => !areKnown(action.columns) || action.columns.some(columns),
    });
  if (whole !== undefined) what.push({ field: 'whole', holds: (action) => action.whole === whole });
  return what;
}
