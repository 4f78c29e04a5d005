import Type from 'typebox';
import { SecretReference } from './secret.ts';

const ms = (description: string, value: number, minimum: number, maximum: number) =>
  Type.Integer({ description: `${description}, milliseconds.`, default: value, minimum, maximum });

const names = (description: string, extra: object = {}) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { description, maxItems: 1000, ...extra });

/** What a grant gives; people ask for it by its name. */
export const GrantTemplate = Type.Object(
  {
    name: Type.String({ description: 'Asked for by it.', pattern: '^[a-z0-9][a-z0-9._-]{0,62}$' }),
    connections: names('Connections that it may be asked for; globs.', { minItems: 1 }),
    actions: names('Actions that it allows without a further approval; globs.', { minItems: 1 }),
    objects: names('Objects that it covers; globs. Empty: all.', { default: [] }),
    targetRoles: Type.Optional(
      names(
        'PostgreSQL: roles that an account of its own is in, which is made at the target for this grant and ends with it (VALID UNTIL). Absent: the account of the connection.',
        { minItems: 1 },
      ),
    ),
    durationMsMax: ms('Longest time', 3_600_000, 60_000, 86_400_000),
    approvalsMin: Type.Integer({
      description: 'How many persons must agree.',
      default: 1,
      minimum: 1,
      maximum: 10,
    }),
    groups: names('In one of which each of them must be; globs. Empty: any approver.', { default: [] }),
    secondFactor: Type.Boolean({ description: 'Each of them with a second factor.', default: true }),
  },
  { additionalProperties: false, description: 'Access for a time that can be asked for.' },
);
export type GrantTemplate = Type.Static<typeof GrantTemplate>;

const receiver = {
  name: Type.String({
    description: 'Name of the receiver; part of the address that a chat calls back.',
    pattern: '^[a-z0-9][a-z0-9._-]{0,62}$',
  }),
  url: SecretReference,
  caFile: Type.Optional(
    Type.String({ description: 'Authority of its certificate, PEM; the usual public ones where absent.' }),
  ),
};
const people = Type.Record(Type.String({ minLength: 1, maxLength: 200 }), Type.String({ maxLength: 512 }), {
  description: "Who decides there: the chat's own id of a person (never a name), and the identity id.",
  default: {},
});

/** Who is told of approvals; addresses of chats are secrets, since whoever knows one may write there. */
export const ApprovalNotifyConfig = Type.Union(
  [
    Type.Object(
      {
        kind: Type.Literal('webhook', { description: 'HTTPS POST, signed as Standard Webhooks has it.' }),
        ...receiver,
        signingKey: SecretReference,
      },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        kind: Type.Literal('slack', { description: 'An incoming webhook of a Slack app.' }),
        ...receiver,
        signingSecret: SecretReference,
        people,
      },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        kind: Type.Literal('teams', {
          description: 'A workflow of Microsoft Teams that takes webhook requests.',
        }),
        ...receiver,
        securityToken: SecretReference,
        people,
      },
      { additionalProperties: false },
    ),
  ],
  { description: 'A receiver of notices.' },
);
export type ApprovalNotifyConfig = Type.Static<typeof ApprovalNotifyConfig>;

/** How commands wait for people (`approvals`); which commands do stands in the policy. */
export const ApprovalsConfig = Type.Object(
  {
    holdMs: ms(
      'How long a client waits for a person before it is told to come back',
      600_000,
      1000,
      3_600_000,
    ),
    holdInTransactionMs: ms(
      'How long a client waits inside a transaction, whose locks wait with it',
      30_000,
      1000,
      600_000,
    ),
    expireMs: ms('When an approval that nobody decides ends', 3_600_000, 10_000, 604_800_000),
    noticeMs: ms('Time between two notices to a client that it waits', 15_000, 1000, 300_000),
    pendingPerIdentityMax: Type.Integer({
      description: 'Approvals of one identity that may be open at a time.',
      default: 20,
      minimum: 1,
      maximum: 1000,
    }),
    pageUrl: Type.Optional(
      Type.String({
        description:
          'Where people reach the control API in a browser (https://gateway.example), for the approval page; security keys are bound to its host name. Absent: the address of the control API.',
        pattern: '^https?://[^/]+',
        maxLength: 512,
      }),
    ),
    notify: Type.Array(ApprovalNotifyConfig, {
      description: 'Who is told of approvals that wait, and of what became of them.',
      default: [],
      maxItems: 20,
    }),
    grantTemplates: Type.Array(GrantTemplate, {
      description: 'Grants that can be asked for.',
      default: [],
      maxItems: 1000,
    }),
  },
  { additionalProperties: false, description: 'Approvals by people, and access for a time.', default: {} },
);
export type ApprovalsConfig = Type.Static<typeof ApprovalsConfig>;
