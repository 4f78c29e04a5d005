/**
 * Numbers of the control records, apart from the revisions of the store: else a lockout would have to run again for each lease that is
 * renewed while it is decided. They are given in the transaction that publishes, so they are in commit order; only two that publish at
 * the same time are in each other's way.
 */
import type { ControlTransaction } from '../../platform/control-store/control-store.ts';

export type ControlHead = {
  /** Last one that gateways must know. */
  readonly revision: number;
  /** Last one that was ever given, where that is more: numbers are not given twice. */
  readonly issued?: number;
};

export const CONTROL_HEAD = { collection: 'control', id: 'head' } as const;

export async function headOf(
  transaction: Pick<ControlTransaction, 'get'>,
): Promise<{ readonly revision: number; readonly issued: number }> {
  const head = await transaction.get<ControlHead>(CONTROL_HEAD.collection, CONTROL_HEAD.id);
  const revision = head?.value.revision ?? 0;
  return { revision, issued: Math.max(revision, head?.value.issued ?? 0) };
}

/** The number of this transaction's records. To be asked for before `putHead`, beside what else it reads. */
export const nextRevision = async (transaction: ControlTransaction): Promise<number> =>
  (await headOf(transaction)).issued + 1;

/** What is known of it once all records so far are. */
export const lastRevision = async (transaction: Pick<ControlTransaction, 'get'>): Promise<number> =>
  (await headOf(transaction)).revision;

export const putHead = (transaction: ControlTransaction, head: ControlHead): Promise<void> =>
  transaction.put(CONTROL_HEAD.collection, CONTROL_HEAD.id, head);
