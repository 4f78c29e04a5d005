import type { CallResult } from '../http/control-api.ts';
import type { ActionOutcome } from './action.ts';

/** Refusals that are no faults: the gateway's safeties against automation. */
const SAFETIES: Readonly<Record<string, { readonly needsPerson: boolean }>> = {
  LOCKOUT_BUDGET_EXHAUSTED: { needsPerson: true },
  LOCKOUT_BREAK_GLASS: { needsPerson: false },
};

/** What a failed call means for the step. */
export function refusal(result: CallResult<unknown> & { ok: false }): ActionOutcome {
  const detail = `${result.code}: ${result.message}`;
  const safety = SAFETIES[result.code];
  if (safety !== undefined) return { state: 'skipped', detail, needsPerson: safety.needsPerson };
  return { state: 'failed', detail, passing: result.passing };
}
