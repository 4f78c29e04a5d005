/** What a policy in Rego answered, as a decision; what is no answer denies. */
import Value from 'typebox/value';
import { PolicyAnswer } from '../../schemas/policy/answer.ts';
import type { PolicyDecision } from './decision.ts';
import { policyError } from './errors.ts';

/** A denial because the policy could not decide: its rule is the error's code. */
export function denialBy(error: { readonly code: string; readonly message: string }): PolicyDecision {
  return { outcome: 'deny', rule: error.code, reason: error.message };
}

const invalid = (path: string, reason: string): PolicyDecision =>
  denialBy(policyError('POLICY_ANSWER_INVALID', { path, reason }));

const APPROVAL = {
  approvals: 1,
  groups: [],
  secondFactor: true,
  scope: 'statement',
  validMs: 900_000,
} as const;

/** `path`: of the rule that was asked; `result`: undefined where it has none for this input. */
export function decisionOfAnswer(result: unknown, path: string): PolicyDecision {
  if (result === undefined) return denialBy(policyError('POLICY_UNDEFINED', { path }));
  if (!Value.Check(PolicyAnswer, result)) {
    const [found] = Value.Errors(PolicyAnswer, result);
    const place = found?.instancePath ?? '';
    return invalid(path, `${place === '' ? 'the answer' : place} ${found?.message ?? 'is wrong'}`);
  }
  const answer = typeof result === 'boolean' ? { allow: result } : result;
  const { outcome: given, allow, limits, approval, verdict } = answer;
  if ((given === undefined) === (allow === undefined))
    return invalid(path, 'the answer needs one of outcome and allow');
  const outcome = given ?? (allow === true ? 'allow' : 'deny');
  if (approval !== undefined && outcome !== 'hold_approval')
    return invalid(path, 'approval is for the outcome hold_approval');
  if (verdict !== undefined && outcome !== 'hold_verdict')
    return invalid(path, 'verdict is for the outcome hold_verdict');
  return {
    outcome,
    rule: answer.rule ?? path,
    reason: answer.reason ?? `the policy says ${outcome.replaceAll('_', ' ')}`,
    ...(limits === undefined || outcome === 'deny' ? {} : { limits }),
    ...(outcome === 'hold_approval' ? { approval: { ...APPROVAL, ...approval } } : {}),
    ...(verdict === undefined ? {} : { verdict }),
  };
}
