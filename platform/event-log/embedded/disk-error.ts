import { eventLogError } from '../errors.ts';

/** True for an error that says that there is no room. */
export function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** The error of this room for one of the disk's own. */
export function diskError(error: unknown, topic: string): Error {
  if (isFull(error)) return eventLogError('EVENT_LOG_FULL', { topic }, error);
  const reason = (error as NodeJS.ErrnoException).code ?? String(error);
  return eventLogError('EVENT_LOG_DISK_FAILED', { topic, reason }, error);
}
