import Type from 'typebox';
import { defineAction } from './action.ts';
import { splitSubject } from './subject.ts';

/** Tells people or programs about the incident. May repeat after a crash; the key says so. */
export const notify = defineAction({
  name: 'notify',
  title: 'Notify',
  description:
    'Sends the incident through a configured notifier. May repeat; the id of the message is the same then.',
  parameters: Type.Object(
    {
      notifier: Type.String({
        default: 'log',
        minLength: 1,
        maxLength: 63,
        description: 'Name of the notifier.',
      }),
    },
    { additionalProperties: false },
  ),
  scopes: [],
  containing: false,
  example: 'id: tell\naction: notify\nwith: { notifier: log }',
  subject: (parameters) => ({ ok: true, subject: `notifier:${parameters.notifier}` }),
  preflight: (parameters, { notifiers }) =>
    notifiers.has(parameters.notifier)
      ? undefined
      : `there is no notifier ${parameters.notifier}; known: ${notifiers.names().join(', ')}`,
  async run(call, { notifiers }) {
    const sent = await notifiers.send(
      splitSubject(call.subject).id,
      {
        id: call.idempotencyKey,
        playbook: call.playbook.name,
        reason: call.reason,
        incident: call.incident,
      },
      call.signal,
    );
    return sent.ok
      ? { state: 'done', detail: 'sent' }
      : { state: 'failed', detail: sent.reason, passing: sent.passing };
  },
});
