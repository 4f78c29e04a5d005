import Type from 'typebox';
import { defineAction } from './action.ts';
import { refusal } from './outcome.ts';
import { splitSubject, subjectOf, type ContainedKind } from './subject.ts';

/** Ends what lives, refuses what comes, on every gateway; expires, or waits for a person's release. */
export const lockOut = defineAction({
  name: 'lock_out',
  title: 'Lock out',
  description:
    'Ends live sessions of the subject on every gateway, cancels their work in the target, and refuses new sessions. A locked-out token never works again; an identity or credential source needs a release by a person.',
  parameters: Type.Object(
    {
      subject: Type.Union(
        [
          Type.Literal('session'),
          Type.Literal('token'),
          Type.Literal('identity'),
          Type.Literal('credential_source'),
        ],
        { description: "Which of the detection's subjects." },
      ),
      ttlMs: Type.Optional(
        Type.Integer({
          minimum: 1000,
          maximum: 31_536_000_000,
          description: 'How long, milliseconds; until released where absent.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  scopes: ['contain'],
  containing: true,
  example: 'id: lock-identity\naction: lock_out\nwith: { subject: identity, ttlMs: 3600000 }',
  subject: (parameters, detection) => subjectOf(parameters.subject, detection),
  preflight: () => undefined,
  async run(call, { controlApi }) {
    const { kind, id } = splitSubject(call.subject);
    const { ttlMs } = call.parameters;
    const { budget, name } = call.playbook;
    const { exerciseId, incidentId } = call.incident;
    const result = await controlApi.lockOut(
      {
        subjectKind: kind as ContainedKind,
        subject: id,
        reason: call.reason,
        incidentId,
        automated: true,
        wait: 'in_force',
        ...(ttlMs === undefined ? {} : { ttlMs }),
        ...(exerciseId === null ? {} : { exerciseId }),
        ...(budget === null ? {} : { budget: { name, ...budget } }),
      },
      { idempotencyKey: call.idempotencyKey, signal: call.signal },
    );
    if (!result.ok) return refusal(result);
    const { lockout, outcome } = result.value;
    return {
      state: 'done',
      lockoutId: lockout.lockoutId,
      detail:
        outcome === 'in_force'
          ? `lockout ${lockout.lockoutId} is in force on every gateway`
          : `lockout ${lockout.lockoutId} is recorded; not every gateway has answered yet`,
    };
  },
});
