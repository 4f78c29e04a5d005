/** What went wrong with a statement, and what that means for the work behind it. */
import { isCountersignError, type CountersignError } from '../../errors/errors.ts';
import { controlStoreError } from '../errors.ts';

export type Failure =
  /** The server says that it did not do it; doing it again may succeed (conflict, time-out, lock). */
  | { readonly kind: 'again'; readonly error: Error }
  /** The connection is gone. Where the statement had been sent, nobody knows what became of it. */
  | { readonly kind: 'lost'; readonly error: Error }
  /** Trying again would give the same. */
  | { readonly kind: 'final'; readonly error: CountersignError };

/** SQLSTATEs (PostgreSQL documentation, appendix A). */
const AGAIN = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
  '57014', // query_canceled: by statement_timeout
  '26000', // invalid_sql_statement_name: a pooler in between has changed the connection
]);
/** Class 08 and what a server says that shuts down, is not up, is a standby, or is full. */
const LOST = new Set(['57P01', '57P02', '57P03', '57P05', '25006', '53300', '53200']);
const RIGHTS = new Set(['42501']);
const REFUSED = /^28|^3D000$/;
const CERTIFICATE = /^(ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_SSL_|HOSTNAME_MISMATCH)/;

interface ServerError extends Error {
  readonly code?: string;
  readonly severity?: string;
}

/** Messages of the server and of Node hold no secrets: bind values stand in `detail`, which is left out. */
export function failureOf(error: unknown): Failure {
  if (isCountersignError(error)) return { kind: 'final', error };
  const { code = '', severity, message } = error as ServerError;
  const reason = message === '' ? code : message;
  if (/^[0-9A-Z]{5}$/.test(code) && severity !== undefined) {
    if (REFUSED.test(code)) return final('CONTROL_STORE_REFUSED', reason);
    if (RIGHTS.has(code)) return final('CONTROL_STORE_RIGHTS', reason);
    if (AGAIN.has(code)) return { kind: 'again', error: error as Error };
    // A session that the server ends may have committed just before.
    if (code.startsWith('08') || LOST.has(code) || severity === 'FATAL' || severity === 'PANIC')
      return { kind: 'lost', error: error as Error };
    return final('CONTROL_STORE_UNAVAILABLE', `${reason} (${code})`);
  }
  if (CERTIFICATE.test(code) || /does not support SSL/.test(message))
    return final('CONTROL_STORE_CERTIFICATE', reason);
  return { kind: 'lost', error: error as Error };
}

function final(
  code:
    | 'CONTROL_STORE_REFUSED'
    | 'CONTROL_STORE_RIGHTS'
    | 'CONTROL_STORE_UNAVAILABLE'
    | 'CONTROL_STORE_CERTIFICATE',
  reason: string,
): Failure {
  return { kind: 'final', error: controlStoreError(code, { reason }) };
}

export const unavailable = (error: Error): CountersignError =>
  controlStoreError('CONTROL_STORE_UNAVAILABLE', {
    reason: error.message === '' ? ((error as ServerError).code ?? 'no answer') : error.message,
  });
