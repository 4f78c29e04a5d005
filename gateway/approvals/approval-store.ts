/** Approvals in the control store: each change is one transaction that also tells every gateway. */
import type { Random } from '../../platform/clock/clock.ts';
import type { ControlTransaction } from '../../platform/control-store/control-store.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Grant } from '../../schemas/types.ts';
import { stateAt, type StoredApproval } from './approval.ts';
import { refusalOfApprover, stillCounts, type Account, type Approver } from './approver.ts';
import { APPROVALS, createApprovalEntries, GRANTS, type EntriesDeps } from './approval-entries.ts';
import { approvalError } from './errors.ts';
import { revokeApprovals, type RevokeOrder } from './revoke.ts';

export type ApprovalAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: CountersignError };

export interface ApprovalStoreDeps extends EntriesDeps {
  readonly random: Random;
  /** An account as the store knows it now. */
  readonly account: (transaction: ControlTransaction, identityId: string) => Promise<Account | undefined>;
}

export interface ApprovalStoreConfig {
  readonly pendingPerIdentityMax: number;
}

export interface ApprovalStore {
  /** Keeps a new approval; one that is open for the same binding is given back instead. */
  add(approval: StoredApproval): Promise<ApprovalAnswer<StoredApproval>>;
  /** One person's word. */
  decide(
    approvalId: string,
    approver: Approver,
    word: { readonly granted: boolean; readonly reason: string },
  ): Promise<ApprovalAnswer<StoredApproval>>;
  /** Uses up the approval of one statement: true for exactly one caller. */
  claim(approvalId: string): Promise<ApprovalAnswer<StoredApproval>>;
  withdraw(approvalId: string, by: string, reason: string): Promise<ApprovalAnswer<StoredApproval>>;
  /** All that were asked for or decided in the window, and the grants that came from them. */
  revoke(order: RevokeOrder): Promise<{ readonly approvals: string[]; readonly grants: string[] }>;
  endGrant(grantId: string, by: string): Promise<ApprovalAnswer<Grant>>;
  get(approvalId: string): Promise<StoredApproval | undefined>;
  /** Newest first. */
  list(options: { readonly limit: number; readonly before?: string }): Promise<StoredApproval[]>;
  listGrants(options: { readonly limit: number; readonly before?: string }): Promise<Grant[]>;
}

const absent = (approvalId: string) => ({
  ok: false as const,
  error: approvalError('APPROVAL_ABSENT', { approvalId }),
});
const notPending = (approvalId: string, state: string) => ({
  ok: false as const,
  error: approvalError('APPROVAL_NOT_PENDING', { approvalId, state }),
});

export function createApprovalStore(
  { store, clock, random, publish, account }: ApprovalStoreDeps,
  config: ApprovalStoreConfig,
): ApprovalStore {
  const entries = createApprovalEntries({ store, clock, publish }, config);
  const { read, write, openOf, pendingOf, putGrant, newestFirst } = entries;
  const grantFrom = (approval: StoredApproval, now: number): Grant => {
    const terms = approval.grant!;
    const grantId = random.uuidv7(now);
    return {
      kind: 'grant',
      grantId,
      approvalId: approval.approvalId,
      name: terms.name,
      identityId: approval.identityId,
      connections: [...terms.connections],
      actions: [...terms.actions],
      objects: [...terms.objects],
      targetRole: terms.targetRoles === null ? null : `countersign_${grantId.replaceAll('-', '')}`,
      startsAt: now,
      endsAt: now + terms.durationMs,
      endedAt: null,
      endedBy: null,
      reason: approval.statedReason ?? approval.reason,
      ticket: approval.ticket,
    };
  };
  return {
    add: (approval) =>
      store.transact(async (transaction): Promise<ApprovalAnswer<StoredApproval>> => {
        const there = await openOf(transaction, approval.binding);
        if (there !== undefined) return { ok: true, value: there };
        const { identityId } = approval;
        const pending = await pendingOf(transaction, identityId);
        if (pending >= config.pendingPerIdentityMax)
          return { ok: false, error: approvalError('APPROVAL_TOO_MANY', { identityId, pending }) };
        await write(transaction, approval);
        return { ok: true, value: approval };
      }),
    decide: (approvalId, approver, { granted, reason }) =>
      store.transact(async (transaction): Promise<ApprovalAnswer<StoredApproval>> => {
        const before = await read(transaction, approvalId);
        if (before === undefined) return absent(approvalId);
        const now = clock.now();
        const state = stateAt(before, now);
        if (state !== 'pending') return notPending(approvalId, state);
        const owner = (await account(transaction, before.identityId))?.owner ?? null;
        const refused = refusalOfApprover(before, approver, granted, owner);
        if (refused !== undefined) return { ok: false, error: refused };
        const by = approver.identity.id;
        const words = [...before.words, { by, granted, factor: approver.factor, reason, at: now }];
        if (!granted) {
          const after: StoredApproval = { ...before, words, state: 'refused' };
          await write(transaction, after);
          return { ok: true, value: after };
        }
        let agreed = 1;
        for (const word of before.words)
          if (stillCounts(before, await account(transaction, word.by))) agreed += 1;
        const enough = agreed >= before.demand.approvals;
        const grant = enough && before.grant !== null ? grantFrom(before, now) : undefined;
        const after: StoredApproval = {
          ...before,
          words,
          state: !enough ? 'pending' : grant === undefined ? 'granted' : 'used',
          validUntil: !enough ? null : (grant?.endsAt ?? now + before.demand.validMs),
          usedAt: grant === undefined ? null : now,
        };
        await write(transaction, after);
        if (grant !== undefined) await putGrant(transaction, grant);
        return { ok: true, value: after };
      }),
    claim: (approvalId) =>
      store.transact(async (transaction): Promise<ApprovalAnswer<StoredApproval>> => {
        const before = await read(transaction, approvalId);
        if (before === undefined) return absent(approvalId);
        const now = clock.now();
        let state = stateAt(before, now);
        let agreed = 0;
        for (const { by } of before.words)
          if (stillCounts(before, await account(transaction, by))) agreed += 1;
        // Who agreed is gone meanwhile: nobody stands behind it any more.
        if (state === 'granted' && agreed < before.demand.approvals) {
          state = 'revoked';
          await write(transaction, { ...before, state, endReason: 'who agreed may not any more' });
        }
        if (state !== 'granted')
          return { ok: false, error: approvalError('APPROVAL_ENDED', { approvalId, state }) };
        const after: StoredApproval = { ...before, state: 'used', usedAt: now };
        await write(transaction, after);
        return { ok: true, value: after };
      }),
    withdraw: (approvalId, by, reason) =>
      store.transact(async (transaction): Promise<ApprovalAnswer<StoredApproval>> => {
        const before = await read(transaction, approvalId);
        if (before === undefined) return absent(approvalId);
        const state = stateAt(before, clock.now());
        if (state !== 'pending') return notPending(approvalId, state);
        const after: StoredApproval = { ...before, state: 'withdrawn', endedBy: by, endReason: reason };
        await write(transaction, after);
        return { ok: true, value: after };
      }),
    revoke: (order) => revokeApprovals({ store, clock, entries }, order),
    endGrant: (grantId, by) =>
      store.transact(async (transaction): Promise<ApprovalAnswer<Grant>> => {
        const before = (await transaction.get(GRANTS, grantId))?.value as unknown as Grant | undefined;
        if (before === undefined) return { ok: false, error: approvalError('GRANT_ABSENT', { grantId }) };
        if (before.endedAt !== null || before.endsAt <= clock.now()) return { ok: true, value: before };
        const after: Grant = { ...before, endedAt: clock.now(), endedBy: by };
        await putGrant(transaction, after);
        return { ok: true, value: after };
      }),
    get: (approvalId) => read(store, approvalId),
    list: (options) => newestFirst<StoredApproval>(APPROVALS, options),
    listGrants: (options) => newestFirst<Grant>(GRANTS, options),
  };
}
