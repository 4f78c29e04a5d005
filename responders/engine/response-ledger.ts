/** What is known of every step: by its idempotency key the latest state. Rebuilt from countersign.responses at the start. */
import type { ResponseState, ResponseStep } from '../../schemas/types.ts';
import { createRecentMap } from '../incidents/recent-map.ts';

/** On records of a responder: which one wrote it, so that it can tell its own. */
export const WRITER_HEADER = 'countersign-writer';

export interface ResponseLedger {
  get(idempotencyKey: string): ResponseStep | undefined;
  put(step: ResponseStep): void;
  /** A person confirmed this asked step: it waits to be carried out. */
  confirm(step: ResponseStep): void;
  /** Steps that were confirmed and have no end yet. */
  confirmed(): ResponseStep[];
}

const ENDS = new Set<ResponseState>(['done', 'failed', 'undone', 'skipped', 'observed', 'asked']);
const CONFIRMED_MAX = 10_000;

export function createResponseLedger(options: { readonly stepsMax: number }): ResponseLedger {
  const byKey = createRecentMap<ResponseStep>(options.stepsMax, ({ state }) => !ENDS.has(state));
  const waiting = createRecentMap<ResponseStep>(CONFIRMED_MAX);
  return {
    get: (key) => byKey.get(key),
    put(step) {
      byKey.set(step.idempotencyKey, step);
      if (ENDS.has(step.state)) waiting.delete(step.idempotencyKey);
    },
    confirm(step) {
      byKey.set(step.idempotencyKey, step);
      waiting.set(step.idempotencyKey, step);
    },
    confirmed: () => [...waiting.values()],
  };
}
