/** Proofs of keys that were used, where several gateways share a control store: what was shown to one is good at none. */
import type { ControlTransaction } from '../../../platform/control-store/control-store.ts';
import type { ForgettingTask } from '../../control/housekeeping.ts';

const SPENT_PROOFS = 'spent-proofs';
/** Longer than a proof is good for, by clocks that are minutes apart. */
const KEPT_MS = 600_000;

/** False where it was used before. */
export async function spendProof(
  transaction: Pick<ControlTransaction, 'get' | 'put'>,
  proofId: string,
  now: number,
): Promise<boolean> {
  if ((await transaction.get(SPENT_PROOFS, proofId)) !== undefined) return false;
  await transaction.put(SPENT_PROOFS, proofId, { at: now });
  return true;
}

export const forgettingOfProofs: ForgettingTask = {
  collection: SPENT_PROOFS,
  isOver: ({ value }, now) => (value as { at: number }).at < now - KEPT_MS,
  forget: (transaction, { id }) => transaction.delete(SPENT_PROOFS, id),
};
