import Type from 'typebox';
import { Id, PageQuery, Time, nullable } from './common.ts';

export const Severity = Type.Union([
  Type.Literal('informational'),
  Type.Literal('low'),
  Type.Literal('medium'),
  Type.Literal('high'),
  Type.Literal('critical'),
]);
const Ids = Type.Array(Type.String());

/** As in schemas/avro/incident.avsc. */
export const IncidentAnswer = Type.Object({
  incidentId: Id,
  version: Type.Integer(),
  state: Type.Union([Type.Literal('open'), Type.Literal('contained'), Type.Literal('closed')]),
  closedAs: nullable(
    Type.Union([Type.Literal('benign'), Type.Literal('confirmed'), Type.Literal('duplicate')]),
  ),
  closedBy: nullable(Type.String()),
  openedAt: Time,
  updatedAt: Time,
  title: Type.String(),
  severity: Severity,
  risk: Type.Number({ description: 'Highest risk so far, 0-100.' }),
  summary: Type.String({ description: 'In plain words.' }),
  key: Type.String({ description: 'Credential source, else identity.' }),
  origin: Type.Union([
    Type.Literal('gateway'),
    Type.Literal('external'),
    Type.Literal('import'),
    Type.Literal('exercise'),
  ]),
  exerciseId: nullable(Type.String()),
  identities: Ids,
  sessions: Ids,
  tokens: Ids,
  connections: Ids,
  detections: Ids,
  detectionCount: Type.Integer(),
  lockouts: Ids,
  link: Type.Optional(
    Type.String({ description: 'Everything about it in Kibana, where one is configured.' }),
  ),
});
export type IncidentAnswer = Type.Static<typeof IncidentAnswer>;

export const IncidentQuery = Type.Object({
  ...PageQuery,
  state: Type.Union(
    [
      Type.Literal('open'),
      Type.Literal('contained'),
      Type.Literal('closed'),
      Type.Literal('unclosed'),
      Type.Literal('all'),
    ],
    { default: 'unclosed', description: 'unclosed: open or contained.' },
  ),
});
export const CloseIncidentRequest = Type.Object(
  {
    as: Type.Union([Type.Literal('benign'), Type.Literal('confirmed'), Type.Literal('duplicate')], {
      description: 'benign: detectors learn again from the events behind it.',
    }),
    note: Type.String({ maxLength: 4000, default: '', description: 'Why.' }),
  },
  { additionalProperties: false },
);
export const CloseIncidentAnswer = Type.Object({
  incidentId: Id,
  closedAs: Type.String(),
  revision: Type.Integer(),
});
export type CloseIncidentAnswer = Type.Static<typeof CloseIncidentAnswer>;
