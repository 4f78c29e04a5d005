import { CountersignError } from '../../errors/errors.ts';
import { eventLogError } from '../errors.ts';
import { isNotAllowed, isRetriable, KafkaAnswerError, KafkaConnectionError } from './wire/error-codes.ts';

/** True where the same call may well succeed a moment later. */
export function isPassing(error: unknown): boolean {
  if (error instanceof KafkaConnectionError) return error.kind !== 'login-refused';
  return error instanceof KafkaAnswerError && isRetriable(error.code);
}

/** What the wire says, as an error of the catalogue. */
export function asEventLogError(error: unknown, username: string): unknown {
  if (error instanceof CountersignError) return error;
  if (error instanceof KafkaConnectionError)
    return error.kind === 'login-refused'
      ? eventLogError('EVENT_LOG_LOGIN_REFUSED', { username, reason: error.message })
      : eventLogError('EVENT_LOG_UNREACHABLE', { reason: error.message });
  if (error instanceof KafkaAnswerError)
    return isNotAllowed(error.code)
      ? eventLogError('EVENT_LOG_NOT_ALLOWED', { reason: error.message })
      : isRetriable(error.code)
        ? eventLogError('EVENT_LOG_UNREACHABLE', { reason: error.message })
        : eventLogError('EVENT_LOG_REFUSED', { what: 'a request', reason: error.message });
  return error;
}
