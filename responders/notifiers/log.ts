import type { Logger } from '../../platform/log/log.ts';
import type { Notifier } from './notifier.ts';

/** Says it in the program's own log. */
export function createLogNotifier(name: string, log: Logger): Notifier {
  return {
    name,
    send({ id, playbook, reason, incident, link }) {
      const { incidentId, title, severity, risk, state, identities, exerciseId } = incident;
      log.warn(
        {
          notificationId: id,
          playbook,
          reason,
          incidentId,
          title,
          severity,
          risk,
          state,
          identities,
          exerciseId,
          ...(link === undefined ? {} : { link }),
        },
        'incident',
      );
      return Promise.resolve({ ok: true });
    },
  };
}
