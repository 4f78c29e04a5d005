import Type from 'typebox';
import { defineAction } from './action.ts';
import { refusal } from './outcome.ts';
import { splitSubject, subjectOf } from './subject.ts';

/** The token that was used never works again. */
export const revokeToken = defineAction({
  name: 'revoke_token',
  title: 'Revoke token',
  description:
    'The token of the detection never works again. Sessions that it opened go on unless they are ended.',
  parameters: Type.Object({}, { additionalProperties: false }),
  scopes: ['contain'],
  containing: true,
  example: 'id: revoke\naction: revoke_token',
  subject: (_parameters, detection) => subjectOf('token', detection),
  preflight: () => undefined,
  async run(call, { controlApi }) {
    // Real tokens are beyond an exercise's name space: its own lockout on the token is what contains there.
    if (call.incident.exerciseId !== null)
      return { state: 'skipped', detail: 'exercises revoke nothing', needsPerson: false };
    const result = await controlApi.revokeToken(
      splitSubject(call.subject).id,
      {
        reason: call.reason,
        incidentId: call.incident.incidentId,
        exerciseId: call.incident.exerciseId,
      },
      { idempotencyKey: call.idempotencyKey, signal: call.signal },
    );
    return result.ok ? { state: 'done', detail: 'the token is revoked' } : refusal(result);
  },
});
