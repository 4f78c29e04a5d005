import Type from 'typebox';

const Literals = <const V extends readonly string[]>(...values: V) =>
  values.map((value) => Type.Literal(value)) as unknown as {
    -readonly [K in keyof V]: Type.TLiteral<V[K] & string>;
  };

const Names = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { description, minItems: 1, maxItems: 1000 }),
  );

const PolicyCase = Type.Object(
  {
    name: Type.String({ description: 'What the case shows.', minLength: 1 }),
    identity: Type.Optional(Type.String({ description: 'Identity id.', default: 'countersign/someone' })),
    kind: Type.Optional(
      Type.Union(Literals('unknown', 'human', 'service_account', 'workload', 'ai_agent'), {
        description: 'Kind of the identity.',
        default: 'human',
      }),
    ),
    groups: Type.Optional(Type.Array(Type.String(), { description: 'Its groups.', default: [] })),
    credentialSource: Type.Optional(Type.String({ description: 'Where its token came from.' })),
    connection: Type.Optional(Type.String({ description: 'Connection.', default: 'any' })),
    protocol: Type.Optional(Type.String({ description: 'Protocol.', default: 'postgres' })),
    ip: Type.Optional(Type.String({ description: 'Source address.', default: '192.0.2.1' })),
    action: Type.Optional(Type.String({ description: 'Action.', default: 'read' })),
    object: Type.Optional(Type.String({ description: 'Object of the action.' })),
    risk: Type.Optional(
      Type.Union(Literals('none', 'low', 'medium', 'high', 'critical'), {
        description: 'Risk class.',
        default: 'low',
      }),
    ),
    time: Type.Optional(
      Type.String({ description: 'When, ISO 8601 with offset.', default: '2026-01-05T12:00:00Z' }),
    ),
    outcome: Type.Union(Literals('allow', 'mask', 'hold_approval', 'hold_verdict', 'deny'), {
      description: 'What the whole policy must say.',
    }),
  },
  { additionalProperties: false, description: 'An example with the outcome that it must have.' },
);
export type PolicyCase = Type.Static<typeof PolicyCase>;

export const PolicyRule = Type.Object(
  {
    name: Type.String({ description: 'Named in decisions; unique.', minLength: 1, maxLength: 128 }),
    identities: Names('Identity ids or subjects; `*` stands for any run of characters. Absent: all.'),
    kinds: Type.Optional(
      Type.Array(Type.Union(Literals('unknown', 'human', 'service_account', 'workload', 'ai_agent')), {
        description: 'Kinds of identity. Absent: all.',
        minItems: 1,
      }),
    ),
    groups: Names('Groups, one of which the identity must be in; globs. Absent: all.'),
    credentialSources: Names('Credential sources; globs. Absent: all.'),
    connections: Names('Connections; globs. Absent: all.'),
    protocols: Names('Protocols; globs. Absent: all.'),
    actions: Names('Actions, one of which the command must do; globs. Absent: all.'),
    objects: Names('Objects, one of which such an action must touch; globs. Absent: all.'),
    whole: Type.Optional(
      Type.Boolean({ description: 'Only actions that nothing restricts (true), or only others (false).' }),
    ),
    riskAtLeast: Type.Optional(
      Type.Union(Literals('none', 'low', 'medium', 'high', 'critical'), {
        description: 'Risk class from which on. Absent: any.',
      }),
    ),
    hours: Type.Optional(
      Type.Object(
        {
          timeZone: Type.String({ description: 'IANA time zone.', default: 'UTC' }),
          days: Type.Optional(
            Type.Array(Type.Union(Literals('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')), {
              description: 'Days of the week. Absent: all.',
              minItems: 1,
            }),
          ),
          from: Type.String({ description: 'Begin, HH:MM.', pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }),
          to: Type.String({
            description: 'End, HH:MM, not included; before `from` it is on the next day.',
            pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$',
          }),
        },
        { additionalProperties: false, description: 'Only in these hours. Absent: always.' },
      ),
    ),
    networks: Names('Source networks in CIDR form (192.0.2.0/24, 2001:db8::/32). Absent: all.'),
    outcome: Type.Union(Literals('allow', 'mask', 'hold_approval', 'hold_verdict', 'deny'), {
      description:
        'Deny wins over holds, holds over mask, mask over allow. hold_approval denies until approvals exist; hold_verdict waits for the detectors.',
    }),
    reason: Type.String({ description: 'In plain words; the client sees it.', minLength: 1, maxLength: 512 }),
    cases: Type.Optional(
      Type.Array(PolicyCase, { description: 'Examples, checked by `checkPolicyCases`.', maxItems: 200 }),
    ),
  },
  { additionalProperties: false, description: 'One rule: all of its conditions must hold.' },
);
export type PolicyRule = Type.Static<typeof PolicyRule>;

/** The policy on single commands (`policy`); how long a hold lasts and what detection lag does stand in gateway.ts. */
export const PolicyConfig = Type.Object(
  {
    rules: Type.Array(PolicyRule, {
      description:
        'Rules. With any rule at all, what none of them matches is denied. Absent: the shipped default policy (gateway/policy/default-policy.yaml).',
      maxItems: 10_000,
      default: [],
    }),
  },
  { additionalProperties: false, description: 'What identities may do, command by command.', default: {} },
);
export type PolicyConfig = Type.Static<typeof PolicyConfig>;
