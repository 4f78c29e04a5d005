/** What of approvals has no use any more; the trail has it for good. */
import { TOPICS } from '../../schemas/topics.ts';
import type { ApprovalState, Grant } from '../../schemas/types.ts';
import { controlKey } from '../../schemas/control-key.ts';
import type { ForgettingTask } from '../control/housekeeping.ts';
import type { StoredApproval } from './approval.ts';
import { APPROVALS, BY_BINDING, GRANTS, OPEN_OF_IDENTITY } from './approval-entries.ts';
import { CHALLENGES, INVITATIONS } from './factors/stored-factors.ts';

/** Clocks of gateways differ. */
const SLACK_MS = 3_600_000;

const keyOf = (
  record: Pick<ApprovalState, 'kind' | 'approvalId'> | Pick<Grant, 'kind' | 'grantId'>,
): string => controlKey(record as ApprovalState | Grant);

export function forgettingOfApprovals(retentionMs: number): ForgettingTask[] {
  const expiring = (collection: string): ForgettingTask => ({
    collection,
    isOver: ({ value }, now) => (value as { expiresAt: number }).expiresAt < now - SLACK_MS,
    forget: (transaction, { id }) => transaction.delete(collection, id),
  });
  return [
    {
      collection: APPROVALS,
      isOver({ value }, now) {
        const { validUntil, expiresAt } = value as unknown as StoredApproval;
        return (validUntil ?? expiresAt) < now - retentionMs;
      },
      async forget(transaction, { id, value }) {
        const { identityId, binding } = value as unknown as StoredApproval;
        await transaction.delete(APPROVALS, id);
        await transaction.delete(OPEN_OF_IDENTITY, `${identityId}\n${id}`);
        const entry = binding === null ? undefined : await transaction.get(BY_BINDING, binding);
        if (entry?.value['approvalId'] === id) await transaction.delete(BY_BINDING, binding!);
        await transaction.publish(TOPICS.control.name, keyOf({ kind: 'approval', approvalId: id }), null);
      },
    },
    {
      collection: GRANTS,
      isOver: ({ value }, now) => (value as unknown as Grant).endsAt < now - retentionMs,
      async forget(transaction, { id }) {
        await transaction.delete(GRANTS, id);
        await transaction.publish(TOPICS.control.name, keyOf({ kind: 'grant', grantId: id }), null);
      },
    },
    expiring(INVITATIONS),
    expiring(CHALLENGES),
  ];
}
