/** What a command that was held for persons goes on with. */
import type { AskResult } from '../approvals/ask.ts';
import type { Limits, PolicyDecision } from '../policy/decision.ts';

const limited = ({ limits }: PolicyDecision): { limits?: Limits } => (limits === undefined ? {} : { limits });

/** The approval or grant that it stands on, and the decision from then on. */
export function afterAnswer(
  result: Exclude<AskResult, { outcome: 'denied' }>,
  first: PolicyDecision,
): { readonly id: string; readonly granted: PolicyDecision } {
  if (result.outcome === 'covered') {
    const { rule, reason, grantId } = result.decision;
    return { id: grantId!, granted: { outcome: 'allow', rule, reason, ...limited(result.decision) } };
  }
  const { approvalId, words } = result.approval;
  const by = words.filter(({ granted }) => granted).map((word) => word.by);
  const reason = `approval ${approvalId} of ${by.join(', ')}`;
  return { id: approvalId, granted: { outcome: 'allow', rule: first.rule, reason, ...limited(first) } };
}
