import type { CountersignError } from '../../../platform/errors/errors.ts';
import type { AccessResult } from '../access.ts';
import { accessError } from '../errors.ts';

/** A refusal takes back what was written before it. */
export class Refused extends Error {
  readonly answer: CountersignError;
  constructor(answer: CountersignError) {
    super(answer.message);
    this.answer = answer;
  }
}
export const invalid = (reason: string): Refused => new Refused(accessError('SCIM_INVALID', { reason }));

/** The value, or the refusal as a value. */
export async function guarded<T>(work: () => Promise<T>): Promise<AccessResult<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, error: error.answer };
    throw error;
  }
}
