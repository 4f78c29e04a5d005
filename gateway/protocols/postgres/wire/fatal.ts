/** An error of the catalogue as the last thing a client hears. */
import type { CountersignError } from '../../../../platform/errors/errors.ts';
import { errorResponse } from './messages.ts';

export function fatalResponse(error: CountersignError, sqlState: string): Buffer {
  const details = Object.entries(error.details).map(([name, value]) => `${name}: ${String(value)}`);
  return errorResponse({
    severity: 'FATAL',
    sqlState,
    message: error.message,
    ...(details.length === 0 ? {} : { detail: details.join(', ') }),
    hint: `${error.hint} [${error.code}]`,
  });
}
