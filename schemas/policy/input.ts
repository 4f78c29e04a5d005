/** What a policy in Rego gets as `input`. What is written here counts: decisions are kept by it. docs/policy-input.schema.json is made from it. */
import Type from 'typebox';
import { Literals } from '../literals.ts';
import { KINDS, RISK_CLASSES } from '../config/policy-conditions.ts';

const nullable = (description: string) => Type.Union([Type.String(), Type.Null()], { description });
const strings = (description: string) => Type.Array(Type.String(), { description });

const PolicyIdentity = Type.Object(
  {
    id: Type.String({ description: 'Issuer and subject.' }),
    issuer: Type.String({ description: 'Who vouches for it.' }),
    subject: Type.String({ description: 'Immutable subject at the issuer.' }),
    kind: Type.Union(Literals(...KINDS), { description: 'What kind of actor it is.' }),
    groups: strings('Its groups at the time.'),
    credential_source: nullable('Where its token came from.'),
    on_behalf_of: strings('Identity ids that it acts for, nearest first.'),
    attributes: Type.Record(Type.String(), Type.String(), {
      description: 'Claims worth matching (repository, ref, environment, owner, ...).',
    }),
  },
  { additionalProperties: false },
);

const PolicyAction = Type.Object(
  {
    action: Type.String({ description: 'read, write, delete, drop, grant, execute, opaque_code, ...' }),
    object_kind: nullable('table, function, file, program, ...'),
    object: nullable('Resolved, qualified name.'),
    columns: strings('Columns touched; none where they are not known.'),
    whole: Type.Boolean({ description: 'Nothing restricts the rows.' }),
  },
  { additionalProperties: false },
);

const PolicyGrant = Type.Object(
  {
    grant_id: Type.String(),
    actions: strings('Globs.'),
    connections: strings('Globs.'),
    objects: strings('Globs.'),
    ends_at: Type.String({ description: 'ISO 8601.' }),
  },
  { additionalProperties: false, description: 'Access given for a time; in force now.' },
);

export const PolicyInput = Type.Object(
  {
    version: Type.Literal(1, { description: 'Of this document.' }),
    time: Type.String({ description: 'The minute in which it is decided, ISO 8601, UTC.' }),
    identity: PolicyIdentity,
    principals: Type.Array(PolicyIdentity, {
      description: 'Persons that an agent acts for, nearest first, as they are now.',
    }),
    client: Type.Object(
      { ip: Type.String(), tool: nullable('As it declares itself.'), version: nullable('Of the tool.') },
      { additionalProperties: false },
    ),
    target: Type.Object(
      {
        connection: Type.String(),
        protocol: Type.String(),
        host: Type.String(),
        port: Type.Integer(),
        database: nullable('Database or namespace.'),
        role: nullable('Account used at the target.'),
      },
      { additionalProperties: false },
    ),
    actions: Type.Array(PolicyAction, { description: 'What the command does; none for SELECT 1.' }),
    risk: Type.Union(Literals(...RISK_CLASSES), { description: 'Highest risk class of the actions.' }),
    fingerprint: nullable("Of the command's shape."),
    reason: nullable('Why, in the words of the client.'),
    ticket: nullable('For which ticket.'),
    grants: Type.Array(PolicyGrant),
    usage: Type.Optional(
      Type.Object(
        {
          identity_requests_last_minute: Type.Integer(),
          session_requests_last_minute: Type.Integer(),
          session_rows: Type.Integer(),
          session_bytes: Type.Integer(),
        },
        {
          additionalProperties: false,
          description: 'Only where withUsage is set: then no decision is used again.',
        },
      ),
    ),
  },
  { additionalProperties: false, title: 'Input of a Countersign policy' },
);
export type PolicyInput = Type.Static<typeof PolicyInput>;
