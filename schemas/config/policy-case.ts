import Type from 'typebox';
import { Literals } from '../literals.ts';
import { KINDS, OUTCOMES, RISK_CLASSES } from './policy-conditions.ts';

const Attributes = Type.Record(Type.String(), Type.String(), {
  description: 'Its attributes.',
  default: {},
});

const Principal = Type.Object(
  {
    identity: Type.String({ description: 'Identity id.' }),
    kind: Type.Optional(Type.Union(Literals(...KINDS), { description: 'Its kind.', default: 'human' })),
    groups: Type.Optional(Type.Array(Type.String(), { description: 'Its groups.', default: [] })),
    attributes: Type.Optional(Attributes),
  },
  { additionalProperties: false, description: 'Somebody that the identity acts for.' },
);

export const PolicyCase = Type.Object(
  {
    name: Type.String({ description: 'What the case shows.', minLength: 1 }),
    identity: Type.Optional(Type.String({ description: 'Identity id.', default: 'countersign/someone' })),
    kind: Type.Optional(
      Type.Union(Literals(...KINDS), { description: 'Kind of the identity.', default: 'human' }),
    ),
    groups: Type.Optional(Type.Array(Type.String(), { description: 'Its groups.', default: [] })),
    credentialSource: Type.Optional(Type.String({ description: 'Where its token came from.' })),
    attributes: Type.Optional(Attributes),
    onBehalfOf: Type.Optional(
      Type.Array(Principal, { description: 'Whom it acts for, nearest first.', default: [], maxItems: 8 }),
    ),
    connection: Type.Optional(Type.String({ description: 'Connection.', default: 'any' })),
    protocol: Type.Optional(Type.String({ description: 'Protocol.', default: 'postgres' })),
    ip: Type.Optional(Type.String({ description: 'Source address.', default: '192.0.2.1' })),
    statement: Type.Optional(
      Type.String({
        description:
          'A command as the client sends it: the analysis of its protocol says what it does. Instead of action, object, columns, whole and risk; such cases are checked by `countersign policy test`.',
        minLength: 1,
        maxLength: 16_384,
      }),
    ),
    action: Type.Optional(Type.String({ description: 'Action.', default: 'read' })),
    object: Type.Optional(Type.String({ description: 'Object of the action.' })),
    columns: Type.Optional(
      Type.Array(Type.String(), { description: 'Columns of the action; none: not known.', default: [] }),
    ),
    whole: Type.Optional(
      Type.Boolean({ description: 'Whether nothing restricts the action.', default: false }),
    ),
    risk: Type.Optional(
      Type.Union(Literals(...RISK_CLASSES), { description: 'Risk class.', default: 'low' }),
    ),
    time: Type.Optional(
      Type.String({ description: 'When, ISO 8601 with offset.', default: '2026-01-05T12:00:00Z' }),
    ),
    reason: Type.Optional(Type.String({ description: 'Reason that the client gave.' })),
    ticket: Type.Optional(Type.String({ description: 'Ticket that the client named.' })),
    requestsLastMinuteCount: Type.Optional(
      Type.Integer({
        description: 'Requests of its identity and session in the last minute.',
        default: 1,
        minimum: 0,
      }),
    ),
    outcome: Type.Union(Literals(...OUTCOMES), { description: 'What the whole policy must say.' }),
    rule: Type.Optional(Type.String({ description: 'The rule that must decide. Absent: any.' })),
  },
  { additionalProperties: false, description: 'An example with the outcome that it must have.' },
);
export type PolicyCase = Type.Static<typeof PolicyCase>;
