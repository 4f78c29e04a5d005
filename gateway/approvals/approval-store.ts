/** Approvals in the control store: each change is one transaction that also tells every gateway. */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { ControlStore, ControlTransaction } from '../../platform/control-store/control-store.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { ControlRecord, Grant } from '../../schemas/types.ts';
import { stateAt, type StoredApproval } from './approval.ts';
import { refusalOfApprover, stillCounts, type Account, type Approver } from './approver.ts';
import { approvalError } from './errors.ts';

export const APPROVALS = 'approvals';
export const GRANTS = 'grants';
/** Approvals that may still be decided or used: by binding, so that asking twice joins; and by identity, so that they are bounded. */
export const BY_BINDING = 'approvals-by-binding';
export const OPEN_OF_IDENTITY = 'approvals-open';

export type ApprovalAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: CountersignError };

export interface ApprovalStoreDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Publishes a control record in the transaction. */
  readonly publish: (transaction: ControlTransaction, body: ControlRecord['body']) => Promise<void>;
  /** An account as the store knows it now. */
  readonly account: (transaction: ControlTransaction, identityId: string) => Promise<Account | undefined>;
}

export interface ApprovalStoreConfig {
  readonly pendingPerIdentityMax: number;
}

export interface RevokeOrder {
  readonly since: number;
  readonly until: number;
  /** Absent: of everybody. */
  readonly identityId?: string;
  readonly connection?: string;
  readonly by: string;
  readonly reason: string;
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

/** Looked through for lists and windows, in pages. */
const READ_MAX = 100_000;
const PAGE = 1000;
/** Of one transaction. */
const REVOKED_PER_TRANSACTION = 200;

type Json = { readonly [key: string]: never };
const json = <T extends object>(value: T): T & Json => value as T & Json;
const openKey = ({ identityId, approvalId }: StoredApproval): string => `${identityId}\n${approvalId}`;

/** As every gateway hears of it. */
function published(approval: StoredApproval): ControlRecord['body'] {
  const { approvalId, state, scope, identityId, connection, sessionId, binding, rule, words } = approval;
  return {
    kind: 'approval',
    approvalId,
    state,
    scope,
    identityId,
    connection,
    sessionId: scope === 'session' ? sessionId : null,
    binding,
    rule,
    decidedBy: words.map(({ by }) => by),
    reason: approval.endReason ?? words.at(-1)?.reason ?? approval.reason,
    requestedAt: approval.requestedAt,
    expiresAt: approval.expiresAt,
    validUntil: approval.validUntil,
  };
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
  const read = async (
    transaction: Pick<ControlTransaction, 'get'>,
    approvalId: string,
  ): Promise<StoredApproval | undefined> =>
    (await transaction.get(APPROVALS, approvalId))?.value as unknown as StoredApproval | undefined;
  const write = async (transaction: ControlTransaction, approval: StoredApproval): Promise<void> => {
    const { approvalId, binding, state } = approval;
    await transaction.put(APPROVALS, approvalId, json(approval));
    const open = state === 'pending' || state === 'granted';
    const indexes: [string, string][] = [[OPEN_OF_IDENTITY, openKey(approval)]];
    if (binding !== null) indexes.push([BY_BINDING, binding]);
    for (const [collection, id] of indexes)
      await (open
        ? transaction.put(collection, id, json({ approvalId }))
        : transaction.delete(collection, id));
    await publish(transaction, published(approval));
  };
  const openOf = async (transaction: ControlTransaction, binding: string | null) => {
    const entry = binding === null ? undefined : await transaction.get(BY_BINDING, binding);
    const found =
      entry === undefined ? undefined : await read(transaction, entry.value['approvalId'] as string);
    const state = found === undefined ? undefined : stateAt(found, clock.now());
    return state === 'pending' || state === 'granted' ? found : undefined;
  };
  /** Those of an identity that really wait; forgets which have ended by time. */
  const pendingOf = async (transaction: ControlTransaction, identityId: string): Promise<number> => {
    const entries = await transaction.list(OPEN_OF_IDENTITY, {
      prefix: `${identityId}\n`,
      limit: config.pendingPerIdentityMax + 1,
    });
    let pending = 0;
    for (const { id, value } of entries) {
      const approval = await read(transaction, value['approvalId'] as string);
      const state = approval === undefined ? 'expired' : stateAt(approval, clock.now());
      if (state === 'pending' || state === 'granted') pending += 1;
      else await transaction.delete(OPEN_OF_IDENTITY, id);
    }
    return pending;
  };
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
  const putGrant = async (transaction: ControlTransaction, grant: Grant): Promise<void> => {
    await transaction.put(GRANTS, grant.grantId, json(grant));
    await publish(transaction, grant);
  };
  const all = async <T>(
    reader: Pick<ControlTransaction, 'list'>,
    collection: string,
  ): Promise<{ readonly id: string; readonly value: T }[]> => {
    const found: { readonly id: string; readonly value: T }[] = [];
    for (;;) {
      const after = found.at(-1)?.id;
      const page = await reader.list(collection, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const { id, value } of page) found.push({ id, value: value as unknown as T });
      if (page.length < PAGE || found.length >= READ_MAX) return found;
    }
  };
  const newestFirst = async <T>(
    collection: string,
    { limit, before }: { limit: number; before?: string },
  ): Promise<T[]> => {
    const entries = await all<T>(store, collection);
    return entries
      .filter(({ id }) => before === undefined || id < before)
      .toReversed()
      .slice(0, limit)
      .map(({ value }) => value);
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
    async revoke({ since, until, identityId, connection, by, reason }) {
      const done = { approvals: [] as string[], grants: [] as string[] };
      const hit = (approval: StoredApproval): boolean =>
        approval.state !== 'revoked' &&
        [approval.requestedAt, ...approval.words.map(({ at }) => at)].some(
          (at) => at >= since && at < until,
        ) &&
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
                approvalId !== null &&
                approvals.includes(approvalId) &&
                endedAt === null &&
                endsAt > clock.now(),
            );
          for (const grant of grants)
            await putGrant(transaction, { ...grant, endedAt: clock.now(), endedBy: by });
          return { approvals, grants: grants.map(({ grantId }) => grantId) };
        });
        done.approvals.push(...ended.approvals);
        done.grants.push(...ended.grants);
      }
      return done;
    },
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
