/** What sessions need of approvals and grants; everything else of this room is for the control API. */
import type { Clock } from '../../platform/clock/clock.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { ApprovalState } from '../../schemas/types.ts';
import type { GrantRef } from '../policy/decision.ts';
import type { ApprovalAsk, AskedApproval } from './ask.ts';
import type { ApprovalsView } from './approvals-view.ts';
import { approvalError } from './errors.ts';

export interface SessionApprovals {
  /** Grants of an identity on a connection that are in force now. */
  grantsOf(identityId: string, connection: string): readonly GrantRef[];
  /** An approval in force for what a session does under a rule. */
  forSession(sessionId: string, rule: string): ApprovalState | undefined;
  /** Asks for an approval and waits for it. */
  ask(ask: ApprovalAsk): AskedApproval;
  /** Why what stood on this approval or grant must end; undefined while it stands. */
  ended(id: string): CountersignError | undefined;
  /** Called in the tick that learns that `ended` may answer differently. */
  onEnded(callback: () => void): void;
}

export function createSessionApprovals(
  { view, clock }: { readonly view: ApprovalsView; readonly clock: Clock },
  ask: SessionApprovals['ask'],
): SessionApprovals {
  return {
    grantsOf: (identityId, connection) => view.grantsOf(identityId, connection),
    forSession: (sessionId, rule) => view.forSession(sessionId, rule),
    ask,
    ended(id) {
      if (view.get(id)?.state === 'revoked') return approvalError('APPROVAL_REVOKED', { approvalId: id });
      const grant = view.grant(id);
      return grant !== undefined && (grant.endedAt !== null || grant.endsAt <= clock.now())
        ? approvalError('GRANT_ENDED', { grantId: id })
        : undefined;
    },
    onEnded(callback) {
      view.onApproval(({ state }) => {
        if (state === 'revoked') callback();
      });
      view.onGrant(({ endedAt }) => {
        if (endedAt !== null) callback();
      });
    },
  };
}
