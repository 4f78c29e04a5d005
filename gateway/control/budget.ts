/** How many identities automation may lock out within a window, counted in the transaction that locks out. */
import type { ControlEntry, ControlTransaction } from '../../platform/control-store/control-store.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import { controlError } from './errors.ts';

export interface Budget {
  readonly name: string;
  readonly identitiesMax: number;
  readonly windowMs: number;
}

const LIST_MAX = 10_000;
const collectionOf = (name: string): string => `budgets/${Buffer.from(name).toString('hex').slice(0, 100)}`;

type Spent = { readonly at: number };

/** What it has been spent on. Asking early spares `spendBudget` the wait, where the store keeps a transaction's reads. */
export const lookAtBudget = (
  transaction: ControlTransaction,
  { name }: Budget,
): Promise<ControlEntry<Spent>[]> => transaction.list<Spent>(collectionOf(name), { limit: LIST_MAX });

/** Counts the identities in, or says that they do not fit; then nothing is written. One that is in already costs nothing. */
export async function spendBudget(
  transaction: ControlTransaction,
  budget: Budget,
  identityIds: readonly string[],
  now: number,
): Promise<CountersignError | undefined> {
  const collection = collectionOf(budget.name);
  const entries = await lookAtBudget(transaction, budget);
  const live = new Set<string>();
  const over: string[] = [];
  for (const { id, value } of entries) {
    if (value.at > now - budget.windowMs) live.add(id);
    else over.push(id);
  }
  const added = [...new Set(identityIds)].filter((id) => !live.has(id));
  const identitiesMax = Math.min(budget.identitiesMax, LIST_MAX - 1);
  if (added.length > 0 && live.size + added.length > identitiesMax) {
    const { name, windowMs } = budget;
    return controlError('LOCKOUT_BUDGET_EXHAUSTED', {
      used: live.size,
      windowMs,
      budget: name,
      identitiesMax,
    });
  }
  for (const id of over) await transaction.delete(collection, id);
  for (const id of added) await transaction.put(collection, id, { at: now });
  return undefined;
}
