/** What a playbook file may say. One YAML file is one playbook with its own cases. */
import Type from 'typebox';

const literals = <const T extends readonly string[]>(values: T, description: string) =>
  Type.Unsafe<T[number]>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      { description },
    ),
  );
const names = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { minItems: 1, maxItems: 200, description }),
  );
const percent = (description: string) =>
  Type.Optional(Type.Number({ minimum: 0, maximum: 100, description }));

export const SEVERITY_NAMES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export const IDENTITY_KINDS = ['unknown', 'human', 'service_account', 'workload', 'ai_agent'] as const;
const ORIGINS = ['gateway', 'external', 'import', 'exercise'] as const;

export const Trigger = Type.Object(
  {
    detectors: names('Names of rules or baselines; `*` stands for any characters.'),
    kinds: Type.Optional(
      Type.Array(literals(['rule', 'baseline', 'risk', 'integrity'], 'Kind of detector.'), { minItems: 1 }),
    ),
    tags: names('The detection has one of these tags or ATT&CK techniques.'),
    riskMin: percent("The detection's own risk."),
    identityRiskMin: percent('Combined risk of the identity after the detection.'),
    severityMin: Type.Optional(literals(SEVERITY_NAMES, 'Severity of the detection, or higher.')),
  },
  { additionalProperties: false, minProperties: 1, description: 'All that is given must hold.' },
);

export const Conditions = Type.Object(
  {
    identityKinds: Type.Optional(Type.Array(literals(IDENTITY_KINDS, 'Kind of identity.'), { minItems: 1 })),
    identities: names('Identity ids; `*` stands for any characters.'),
    connections: names('Connections; `*` stands for any characters.'),
    credentialSources: names('Credential sources; `*` stands for any characters.'),
    origins: Type.Optional(Type.Array(literals(ORIGINS, 'Origin of the event.'), { minItems: 1 })),
    incidentIdentitiesMin: Type.Optional(
      Type.Integer({ minimum: 2, maximum: 1000, description: 'Identities in the incident, with this one.' }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'All that is given must hold.' },
);

export const Step = Type.Object(
  {
    id: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'Unique in the playbook.' }),
    action: Type.String({ minLength: 1, maxLength: 63, description: 'Name of an action.' }),
    with: Type.Record(Type.String(), Type.Unknown(), {
      default: {},
      description: "The action's parameters.",
    }),
    onFailure: Type.Union([Type.Literal('stop'), Type.Literal('continue'), Type.Literal('retry')], {
      default: 'retry',
      description:
        'stop: nothing after it is done; continue: go on; retry: try again for a while, then go on.',
    }),
  },
  { additionalProperties: false },
);

export const Case = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    detection: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Fields of a detection that differ from a harmless one.',
    }),
    incidentIdentities: Type.Integer({
      default: 1,
      minimum: 1,
      description: 'Identities in the incident, with this one.',
    }),
    mode: Type.Optional(literals(['act', 'ask', 'observe'], 'What the playbook must come down to.')),
    steps: Type.Array(Type.String(), {
      description: 'Step ids in the order in which they are done; empty: the playbook does not match.',
    }),
  },
  { additionalProperties: false },
);

export const PlaybookFile = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'Unique among all playbooks.' }),
    title: Type.String({ minLength: 1, maxLength: 200 }),
    description: Type.String({ maxLength: 4000, default: '' }),
    mode: Type.Union([Type.Literal('act'), Type.Literal('ask'), Type.Literal('observe')], {
      description:
        'act: do it; ask: a person confirms what takes access away; observe: only say what would be done.',
    }),
    trigger: Trigger,
    conditions: Conditions,
    budget: Type.Optional(
      Type.Object(
        {
          identitiesMax: Type.Integer({ minimum: 1, maximum: 100_000, description: 'Identities affected.' }),
          windowMs: Type.Integer({ minimum: 1000, maximum: 2_592_000_000, description: 'In so long.' }),
        },
        { additionalProperties: false, description: 'Narrower than the one over all responders.' },
      ),
    ),
    steps: Type.Array(Step, { minItems: 1, maxItems: 20 }),
    cases: Type.Array(Case, { maxItems: 100, default: [] }),
  },
  { additionalProperties: false },
);
export type PlaybookFile = Type.Static<typeof PlaybookFile>;
export type PlaybookMode = PlaybookFile['mode'];
export type PlaybookStep = PlaybookFile['steps'][number];
