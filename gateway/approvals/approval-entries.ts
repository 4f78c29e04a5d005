/** Approvals and grants as entries of the control store: read, written with their indexes, and told to every gateway. */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlStore, ControlTransaction } from '../../platform/control-store/control-store.ts';
import type { ControlRecord, Grant } from '../../schemas/types.ts';
import { stateAt, type StoredApproval } from './approval.ts';

export const APPROVALS = 'approvals';
export const GRANTS = 'grants';
/** Approvals that may still be decided or used: by binding, so that asking twice joins; and by identity, so that they are bounded. */
export const BY_BINDING = 'approvals-by-binding';
export const OPEN_OF_IDENTITY = 'approvals-open';

export interface EntriesDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  /** Publishes a control record in the transaction. */
  readonly publish: (transaction: ControlTransaction, body: ControlRecord['body']) => Promise<void>;
}

/** Looked through for lists and windows, in pages. */
const READ_MAX = 100_000;
const PAGE = 1000;
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

export type ApprovalEntries = ReturnType<typeof createApprovalEntries>;

export function createApprovalEntries(
  { store, clock, publish }: EntriesDeps,
  config: { readonly pendingPerIdentityMax: number },
) {
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

  return { read, write, openOf, pendingOf, putGrant, all, newestFirst };
}
