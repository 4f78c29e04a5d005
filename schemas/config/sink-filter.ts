/** What a sink sends (docs/siem.md). */
import Type, { type TSchemaOptions } from 'typebox';

export const literals = <const T extends readonly string[]>(values: T, options: TSchemaOptions) =>
  Type.Unsafe<T[number]>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      options,
    ),
  );
const patterns = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { minItems: 1, maxItems: 200, description }),
  );

export const SINK_TOPICS = [
  'session-events',
  'session-data',
  'detections',
  'incidents',
  'responses',
  'control',
  'dead-letters',
] as const;
export const SINK_SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;

/** Conditions on ECS fields, written as a selection of a Sigma rule. */
export const SinkSelection = Type.Record(
  Type.String({ minLength: 1, maxLength: 200 }),
  Type.Union([
    Type.String({ maxLength: 1024 }),
    Type.Number(),
    Type.Boolean(),
    Type.Array(Type.Union([Type.String({ maxLength: 1024 }), Type.Number()]), { minItems: 1, maxItems: 500 }),
  ]),
  {
    description:
      'ECS field, or field|modifier (contains, startswith, endswith, all, cased, exists, cidr, gt, gte, lt, lte), and its value or values. All fields must match.',
  },
);
export type SinkSelection = Type.Static<typeof SinkSelection>;

export const SinkFilter = Type.Object(
  {
    topics: Type.Array(literals(SINK_TOPICS, { description: 'Topic, without `countersign.`.' }), {
      minItems: 1,
      maxItems: SINK_TOPICS.length,
      uniqueItems: true,
      description: 'Topics that are sent.',
      default: ['session-events', 'detections', 'incidents', 'responses', 'control'],
    }),
    since: Type.Optional(
      Type.String({
        pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?(Z|[+-]\\d\\d:\\d\\d)$',
        description:
          'Only records of this time or later, such as 2026-11-24T00:00:00Z. Absent: all that the topics hold.',
      }),
    ),
    actions: patterns(
      'event.action: request, session_opened, detection, incident_open, ...; `*` stands for any characters.',
    ),
    origins: Type.Optional(
      Type.Array(literals(['gateway', 'external', 'import', 'exercise'], { description: 'Origin.' }), {
        minItems: 1,
        description: 'countersign.origin. Records that have none (responses, lockouts) pass.',
      }),
    ),
    severityMin: Type.Optional(
      literals(SINK_SEVERITIES, {
        description:
          'event.severity of this or more; a request has its risk class. A record without one does not pass.',
      }),
    ),
    riskMin: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 100,
        description:
          'event.risk_score of this or more (detections, incidents). A record without one does not pass.',
      }),
    ),
    identities: patterns('user.id; `*` stands for any characters.'),
    connections: patterns('countersign.connection; `*` stands for any characters.'),
    where: Type.Optional(
      Type.Array(SinkSelection, {
        minItems: 1,
        maxItems: 50,
        description: 'One of these selections must match.',
      }),
    ),
    unless: Type.Optional(
      Type.Array(SinkSelection, {
        minItems: 1,
        maxItems: 50,
        description: 'None of these selections may match.',
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'What is sent. All that is given must hold.' },
);
export type SinkFilter = Type.Static<typeof SinkFilter>;
