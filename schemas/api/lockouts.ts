import Type from 'typebox';
import { Id, PageQuery, Reason, Time, nullable } from './common.ts';

export const SubjectKind = Type.Union(
  [
    Type.Literal('session'),
    Type.Literal('token'),
    Type.Literal('identity'),
    Type.Literal('credential_source'),
    Type.Literal('connection'),
  ],
  { description: 'What is locked out.' },
);

export const Lockout = Type.Object({
  lockoutId: Id,
  subjectKind: SubjectKind,
  subject: Type.String({ description: 'Id of what is locked out.' }),
  reason: Type.String({ description: 'In plain words; clients see it.' }),
  incidentId: nullable(Type.String()),
  exerciseId: nullable(Type.String()),
  createdBy: Type.String({ description: 'API subject.' }),
  createdAt: Time,
  expiresAt: nullable(Time),
  releasedAt: nullable(Time),
  releasedBy: nullable(Type.String()),
  state: Type.Union(
    [
      Type.Literal('in_force'),
      Type.Literal('awaiting_release'),
      Type.Literal('expired'),
      Type.Literal('released'),
    ],
    {
      description:
        'awaiting_release: its time is over, and a person must release it before access works again.',
    },
  ),
});
export type Lockout = Type.Static<typeof Lockout>;

export const LockoutRequest = Type.Object(
  {
    subjectKind: SubjectKind,
    subject: Id,
    reason: Reason,
    ttlMs: Type.Optional(
      Type.Integer({
        minimum: 1000,
        maximum: 31_536_000_000,
        description: 'How long it holds, milliseconds; until released where absent.',
      }),
    ),
    incidentId: Type.Optional(Id),
    exerciseId: Type.Optional(Id),
    automated: Type.Boolean({
      default: false,
      description:
        'True for playbooks: the budget applies, and break-glass identities are refused. So it does for callers without the scope `release`, whatever they say.',
    }),
    budget: Type.Optional(
      Type.Object(
        {
          name: Type.String({ minLength: 1, maxLength: 200, description: 'Playbook whose budget it is.' }),
          identitiesMax: Type.Integer({ minimum: 1, maximum: 100_000 }),
          windowMs: Type.Integer({ minimum: 1000, maximum: 2_592_000_000 }),
        },
        {
          additionalProperties: false,
          description: 'A narrower budget besides the one over all responders.',
        },
      ),
    ),
    wait: Type.Union([Type.Literal('recorded'), Type.Literal('in_force')], {
      default: 'in_force',
      description: 'What to wait for, bounded; the answer says how far it came.',
    }),
  },
  { additionalProperties: false },
);
export type LockoutRequest = Type.Static<typeof LockoutRequest>;

export const LockoutAnswer = Type.Object({
  lockout: Lockout,
  outcome: Type.Union([Type.Literal('recorded'), Type.Literal('in_force')], {
    description: 'in_force: every gateway with a live lease has applied it.',
  }),
  revision: Type.Integer({ description: 'Revision of the control state that has it.' }),
});
export type LockoutAnswer = Type.Static<typeof LockoutAnswer>;

export const LockoutQuery = Type.Object({
  ...PageQuery,
  active: Type.Boolean({ default: true, description: 'Only what still refuses access.' }),
});
export const ReleaseRequest = Type.Object({ reason: Reason }, { additionalProperties: false });
