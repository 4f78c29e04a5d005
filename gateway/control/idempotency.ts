/**
 * A call with a key takes effect once: its answer is kept in the transaction that carried it out. Keys belong to the caller (the
 * subject of its API token): nobody reads another's answers, or uses up another's keys.
 */
import { sha256Hex } from '../../platform/digest/sha256.ts';
import type { ControlTransaction, JsonObject } from '../../platform/control-store/control-store.ts';

export const IDEMPOTENCY = 'idempotency';

export interface KeyedCall {
  readonly by: string;
  readonly idempotencyKey: string | null;
}
/** When it was kept stands in `at`, for who forgets old ones. */
export type KeptAnswer = { readonly call: string; readonly answer: JsonObject; readonly at: number };

export type Earlier<T> =
  | { readonly kind: 'none' }
  | { readonly kind: 'same'; readonly answer: T }
  | { readonly kind: 'other' };

const idOf = (by: string, key: string): string => sha256Hex(JSON.stringify([by, key]));
/** What makes two calls the same call. */
export const callDigest = (parts: readonly (string | null)[]): string => sha256Hex(JSON.stringify(parts));

export async function earlierAnswer<T extends JsonObject>(
  transaction: ControlTransaction,
  { by, idempotencyKey }: KeyedCall,
  call: string,
): Promise<Earlier<T>> {
  if (idempotencyKey === null) return { kind: 'none' };
  const entry = await transaction.get<KeptAnswer & { answer: T }>(IDEMPOTENCY, idOf(by, idempotencyKey));
  if (entry === undefined) return { kind: 'none' };
  return entry.value.call === call ? { kind: 'same', answer: entry.value.answer } : { kind: 'other' };
}

export async function keepAnswer(
  transaction: ControlTransaction,
  { by, idempotencyKey }: KeyedCall,
  call: string,
  answer: JsonObject,
  now: number,
): Promise<void> {
  if (idempotencyKey === null) return;
  const kept: KeptAnswer = { call, answer, at: now };
  await transaction.put(IDEMPOTENCY, idOf(by, idempotencyKey), kept);
}
