import Type from 'typebox';
import { Id, PageQuery, Time, nullable } from './common.ts';

/** On an `intended` record that the control API wrote: who confirmed what a playbook asked. */
export const CONFIRMED_BY_HEADER = 'countersign-confirmed-by';

const ResponseState = Type.Union([
  Type.Literal('intended'),
  Type.Literal('done'),
  Type.Literal('failed'),
  Type.Literal('undone'),
  Type.Literal('skipped'),
  Type.Literal('observed'),
  Type.Literal('asked'),
]);

/** As in schemas/avro/response.avsc. */
export const ResponseAnswer = Type.Object({
  responseId: Id,
  time: Time,
  incidentId: Id,
  detectionId: Id,
  playbook: Type.String(),
  playbookVersion: Type.String(),
  step: Type.String(),
  action: Type.String(),
  subject: Type.String({ description: 'kind:id of what is acted on.' }),
  state: ResponseState,
  detail: Type.String(),
  idempotencyKey: Type.String(),
  durationUs: Type.Number(),
  exerciseId: nullable(Type.String()),
});
export type ResponseAnswer = Type.Static<typeof ResponseAnswer>;

export const ResponseQuery = Type.Object({
  ...PageQuery,
  incident: Type.Optional(Id),
  state: Type.Optional(ResponseState),
});
export const ConfirmRequest = Type.Object(
  {
    decision: Type.Union([Type.Literal('confirm'), Type.Literal('decline')]),
    note: Type.String({ maxLength: 2000, default: '', description: 'Why.' }),
  },
  { additionalProperties: false },
);
export const ConfirmAnswer = Type.Object({
  responseId: Id,
  outcome: Type.Union([Type.Literal('confirmed'), Type.Literal('declined')]),
});
export type ConfirmAnswer = Type.Static<typeof ConfirmAnswer>;

/** A playbook as it is in force in the responders of this installation. */
export const PlaybookAnswer = Type.Object({
  name: Type.String(),
  title: Type.String(),
  description: Type.String(),
  version: Type.String({ description: 'Digest of its content.' }),
  mode: Type.Union([Type.Literal('act'), Type.Literal('ask'), Type.Literal('observe')]),
  steps: Type.Array(Type.Object({ id: Type.String(), action: Type.String(), onFailure: Type.String() })),
  budget: nullable(Type.Object({ identitiesMax: Type.Integer(), windowMs: Type.Integer() })),
  file: Type.String(),
});
export type PlaybookAnswer = Type.Static<typeof PlaybookAnswer>;
