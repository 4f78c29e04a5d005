import Type from 'typebox';
import { defineAction } from './action.ts';
import { refusal } from './outcome.ts';
import { splitSubject, subjectOf } from './subject.ts';

/** Ends the session that the detection is about, and what it runs in the target. */
export const endSession = defineAction({
  name: 'end_session',
  title: 'End session',
  description:
    'Closes the session and ends what it runs in the target: the statement of a database; on an SSH host the process group of each channel and all that carries the marks of the session, which its end then lists. The token keeps working: lock out as well where it must not.',
  parameters: Type.Object({}, { additionalProperties: false }),
  scopes: ['contain'],
  containing: true,
  example: 'id: end\naction: end_session',
  subject: (_parameters, detection) => subjectOf('session', detection),
  preflight: () => undefined,
  async run(call, { controlApi }) {
    const result = await controlApi.endSession(
      splitSubject(call.subject).id,
      {
        reason: call.reason,
        incidentId: call.incident.incidentId,
        exerciseId: call.incident.exerciseId,
      },
      { idempotencyKey: call.idempotencyKey, signal: call.signal },
    );
    if (!result.ok) {
      if (result.code === 'CONTROL_API_NOT_FOUND') return { state: 'done', detail: 'the session was over' };
      return refusal(result);
    }
    return {
      state: 'done',
      detail: result.value.outcome === 'ended' ? 'the session is ended' : 'the session was over',
    };
  },
});
