/** Approvals, grants and second factors at the control API. */
import Type from 'typebox';
import { Literals } from '../literals.ts';
import { Id, PageQuery, Reason, Time, nullable } from './common.ts';
import { KeyUsed, OneTimeCode } from './second-factors.ts';

const Names = (description: string) => Type.Array(Type.String(), { description });
const ApprovalStateName = Type.Union(
  Literals('pending', 'granted', 'refused', 'used', 'withdrawn', 'expired', 'revoked'),
  {
    description:
      'pending: waits for persons; granted: may be used until validUntil; used: its one statement went through, or its grant was given.',
  },
);

export const Approval = Type.Object({
  approvalId: Id,
  state: ApprovalStateName,
  scope: Type.Union(Literals('statement', 'session', 'grant'), { description: 'What it opens.' }),
  identityId: Type.String({ description: 'Who asks.' }),
  identityKind: Type.String(),
  identityName: Type.String({ description: 'For people to read only.' }),
  groups: Names('Groups of who asks, at the time.'),
  principals: Names('Persons that it acts for.'),
  credentialSource: nullable(Type.String()),
  ip: nullable(Type.String({ description: 'Where it asks from.' })),
  connection: Type.String(),
  protocol: nullable(Type.String()),
  host: nullable(Type.String()),
  database: nullable(Type.String()),
  role: nullable(Type.String({ description: 'Account at the target.' })),
  sessionId: nullable(Type.String()),
  rule: nullable(Type.String({ description: 'Policy rule that asks.' })),
  reason: Type.String({ description: 'Why it is asked for.' }),
  statedReason: nullable(Type.String({ description: 'What the requester says.' })),
  ticket: nullable(Type.String()),
  shown: nullable(
    Type.Object({
      verb: Type.String(),
      text: Type.String({ description: 'The command, secrets lifted, cut at 8,192 characters.' }),
      actions: Names('What it does, and to what.'),
      risk: Type.String(),
      impact: Names(
        'About how many rows stand in what it touches, as the target has counted them; none where nobody could say.',
      ),
    }),
  ),
  demand: Type.Object({
    approvals: Type.Integer({ description: 'How many persons must agree.' }),
    groups: Names('In one of which each must be; none: any approver.'),
    secondFactor: Type.Boolean(),
    validMs: Type.Integer(),
  }),
  grant: nullable(
    Type.Object({
      name: Type.String(),
      connections: Names('Connections.'),
      actions: Names('Actions.'),
      objects: Names('Objects; none: all.'),
      targetRoles: nullable(Names('Roles of the account at the target.')),
      durationMs: Type.Integer(),
    }),
  ),
  words: Type.Array(
    Type.Object({
      by: Type.String(),
      granted: Type.Boolean(),
      factor: nullable(
        Type.Union(Literals('webauthn', 'totp'), { description: 'Second factor that was shown.' }),
      ),
      reason: Type.String(),
      at: Time,
    }),
    { description: 'What persons said so far.' },
  ),
  requestedAt: Time,
  expiresAt: Time,
  validUntil: nullable(Time),
  usedAt: nullable(Time),
  endedBy: nullable(Type.String()),
  endReason: nullable(Type.String()),
});
export type Approval = Type.Static<typeof Approval>;

export const ApprovalQuery = Type.Object(
  {
    ...PageQuery,
    state: Type.Optional(ApprovalStateName),
    identity: Type.Optional(Type.String({ maxLength: 512, description: 'Only of this identity.' })),
  },
  { additionalProperties: false },
);

export const DecideRequest = Type.Object(
  {
    granted: Type.Boolean({ description: 'Whether the command may run.' }),
    reason: Reason,
    factor: Type.Optional(
      Type.Union(
        [
          Type.Object({ kind: Type.Literal('totp'), code: OneTimeCode }, { additionalProperties: false }),
          Type.Object({ kind: Type.Literal('webauthn'), response: KeyUsed }, { additionalProperties: false }),
        ],
        { description: 'Second factor, proved now.' },
      ),
    ),
  },
  { additionalProperties: false },
);
export type DecideRequest = Type.Static<typeof DecideRequest>;

export const WithdrawRequest = Type.Object({ reason: Reason }, { additionalProperties: false });

export const RevokeRequest = Type.Object(
  {
    since: Type.Number({ description: 'Asked for or decided from then on, milliseconds since the epoch.' }),
    until: Type.Optional(Type.Number({ description: 'Until then, not included. Absent: now.' })),
    identity: Type.Optional(
      Type.String({
        maxLength: 512,
        description: 'Only those that this identity asked for, was acted for in, or agreed to. Absent: all.',
      }),
    ),
    connection: Type.Optional(Type.String({ maxLength: 63, description: 'Only those of this connection.' })),
    reason: Reason,
    incidentId: Type.Optional(Id),
  },
  { additionalProperties: false },
);
export const RevokeAnswer = Type.Object({
  approvals: Type.Array(Id, { description: 'Revoked; what they had opened ends.' }),
  grants: Type.Array(Id, { description: 'Ended with them.' }),
});
export type RevokeAnswer = Type.Static<typeof RevokeAnswer>;

export const Grant = Type.Object({
  grantId: Id,
  approvalId: nullable(Id),
  name: Type.String(),
  identityId: Type.String(),
  connections: Names('Connections.'),
  actions: Names('Actions that it allows.'),
  objects: Names('Objects; none: all.'),
  targetRole: nullable(Type.String({ description: 'Account at the target that lives as long as it.' })),
  startsAt: Time,
  endsAt: Time,
  endedAt: nullable(Time),
  endedBy: nullable(Type.String()),
  reason: Type.String(),
  ticket: nullable(Type.String()),
  state: Type.Union(Literals('in_force', 'ended'), { description: 'Whether it opens anything now.' }),
});
export type Grant = Type.Static<typeof Grant>;

export const GrantQuery = Type.Object(
  {
    ...PageQuery,
    active: Type.Boolean({ default: false, description: 'Only those in force.' }),
    identity: Type.Optional(Type.String({ maxLength: 512, description: 'Only of this identity.' })),
  },
  { additionalProperties: false },
);

export const GrantRequest = Type.Object(
  {
    template: Type.String({ minLength: 1, maxLength: 63, description: 'Name of the template.' }),
    connection: Type.String({ minLength: 1, maxLength: 63, description: 'Connection.' }),
    durationMs: Type.Integer({ minimum: 1000, maximum: 86_400_000, description: 'How long, milliseconds.' }),
    reason: Reason,
    ticket: Type.Optional(Type.String({ maxLength: 200, description: 'Ticket id.' })),
    identity: Type.Optional(
      Type.String({
        maxLength: 512,
        description:
          'For whom; absent: for the caller. For another only by callers with the scope `issue`; who asks so counts as requester, too.',
      }),
    ),
  },
  { additionalProperties: false },
);
