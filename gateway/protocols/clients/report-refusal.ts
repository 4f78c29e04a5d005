/** A login that did not become a session: counted by its reason, and written as an event where the sessions take it. */
import { isCountersignError } from '../../../platform/errors/errors.ts';
import type { Sessions } from '../../sessions/session.ts';
import type { ProtocolDeps } from '../protocol.ts';

export function reportRefusal(
  { metrics, sessions, log }: Pick<ProtocolDeps, 'metrics' | 'sessions' | 'log'>,
  protocol: string,
  refusal: Parameters<Sessions['refused']>[0],
): void {
  metrics
    .counter(`countersign_${protocol}_logins_refused_total`, 'Logins refused, by reason.', ['code'])
    .add(1, { code: refusal.error.code });
  try {
    sessions.refused(refusal);
  } catch (cause) {
    if (!isCountersignError(cause)) throw cause;
    log.warn({ code: cause.code }, 'refusal could not be written');
  }
}
