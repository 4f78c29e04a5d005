/** Takes approvals back, with the grants that came from them; in transactions of a bounded size. */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { Grant } from '../../schemas/types.ts';
import type { StoredApproval } from './approval.ts';
import { APPROVALS, GRANTS, type ApprovalEntries } from './approval-entries.ts';

export interface RevokeOrder {
  readonly since: number;
  readonly until: number;
  /** Absent: of everybody. */
  readonly identityId?: string;
  readonly connection?: string;
  readonly by: string;
  readonly reason: string;
}

/** Of one transaction. */
const REVOKED_PER_TRANSACTION = 200;

export async function revokeApprovals(
  {
    store,
    clock,
    entries,
  }: { readonly store: ControlStore; readonly clock: Clock; readonly entries: ApprovalEntries },
  { since, until, identityId, connection, by, reason }: RevokeOrder,
): Promise<{ readonly approvals: string[]; readonly grants: string[] }> {
  const { all, read, write, putGrant } = entries;
  const done = { approvals: [] as string[], grants: [] as string[] };
  const hit = (approval: StoredApproval): boolean =>
    approval.state !== 'revoked' &&
    [approval.requestedAt, ...approval.words.map(({ at }) => at)].some((at) => at >= since && at < until) &&
    (identityId === undefined ||
      approval.identityId === identityId ||
      approval.principals.includes(identityId) ||
      approval.words.some((word) => word.by === identityId && word.granted)) &&
    (connection === undefined || approval.connection === connection);
  const ids = (await all<StoredApproval>(store, APPROVALS))
    .filter(({ value }) => hit(value))
    .map(({ id }) => id);
  for (let from = 0; from < ids.length; from += REVOKED_PER_TRANSACTION) {
    const page = ids.slice(from, from + REVOKED_PER_TRANSACTION);
    const ended = await store.transact(async (transaction) => {
      const approvals: string[] = [];
      for (const id of page) {
        const before = await read(transaction, id);
        if (before === undefined || !hit(before)) continue;
        await write(transaction, { ...before, state: 'revoked', endedBy: by, endReason: reason });
        approvals.push(id);
      }
      const grants = (await all<Grant>(transaction, GRANTS))
        .map(({ value }) => value)
        .filter(
          ({ approvalId, endedAt, endsAt }) =>
            approvalId !== null && approvals.includes(approvalId) && endedAt === null && endsAt > clock.now(),
        );
      for (const grant of grants)
        await putGrant(transaction, { ...grant, endedAt: clock.now(), endedBy: by });
      return { approvals, grants: grants.map(({ grantId }) => grantId) };
    });
    done.approvals.push(...ended.approvals);
    done.grants.push(...ended.grants);
  }
  return done;
}
