/** A call with a key takes effect once: its answer is kept in the transaction that carried it out. */
import type { ControlTransaction, JsonObject } from '../../platform/control-store/control-store.ts';
import { createHash } from 'node:crypto';

const COLLECTION = 'idempotency';

export type Earlier<T> =
  | { readonly kind: 'none' }
  | { readonly kind: 'same'; readonly answer: T }
  | { readonly kind: 'other' };

const idOf = (key: string): string => createHash('sha256').update(key).digest('hex');
/** What makes two calls the same call. */
export const callDigest = (parts: readonly (string | null)[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

export async function earlierAnswer<T extends JsonObject>(
  transaction: ControlTransaction,
  key: string | null,
  call: string,
): Promise<Earlier<T>> {
  if (key === null) return { kind: 'none' };
  const entry = await transaction.get<{ call: string; answer: T }>(COLLECTION, idOf(key));
  if (entry === undefined) return { kind: 'none' };
  return entry.value.call === call ? { kind: 'same', answer: entry.value.answer } : { kind: 'other' };
}

export async function keepAnswer(
  transaction: ControlTransaction,
  key: string | null,
  call: string,
  answer: JsonObject,
  now: number,
): Promise<void> {
  if (key !== null) await transaction.put(COLLECTION, idOf(key), { call, answer, at: now });
}
