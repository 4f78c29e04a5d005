import Type from 'typebox';
import { Id, PageQuery, Reason, Time, nullable } from './common.ts';

/** On a record that was replayed: id of the dead letter. */
export const REPLAY_HEADER = 'countersign-replay';

const Replay = Type.Object({
  at: Time,
  by: Type.String(),
  partition: Type.Integer(),
  offset: Type.Integer({ description: 'Where it stands in its topic now.' }),
});
export const DeadLetterSummary = Type.Object({
  id: Type.String({ description: 'TOPIC/PARTITION/OFFSET/STAGE.' }),
  time: Time,
  topic: Type.String({ description: 'Topic that the record came from.' }),
  partition: Type.Integer(),
  offset: Type.Integer(),
  stage: Type.String({ description: 'Who gave it up.' }),
  code: Type.String({ description: 'Code of the error catalogue.' }),
  reason: Type.String(),
  valueBytes: Type.Integer(),
  replayed: nullable(Replay),
});
export type DeadLetterSummary = Type.Static<typeof DeadLetterSummary>;

export const DeadLetterDetail = Type.Object({
  ...DeadLetterSummary.properties,
  key: nullable(Type.String({ description: 'Key of the record, as far as it is text.' })),
  decoded: nullable(Type.Unknown({ description: 'The record as JSON, where it can be read now.' })),
  problem: nullable(Type.String({ description: 'Why it cannot be read.' })),
  dump: Type.Array(Type.String(), {
    description: 'Its first 4 KiB in hexadecimal; what looks like a secret is starred out.',
  }),
});
export type DeadLetterDetail = Type.Static<typeof DeadLetterDetail>;

export const DeadLetterQuery = Type.Object({
  ...PageQuery,
  topic: Type.Optional(Id),
  stage: Type.Optional(Id),
  code: Type.Optional(Type.String({ maxLength: 64 })),
  state: Type.Union([Type.Literal('waiting'), Type.Literal('replayed'), Type.Literal('all')], {
    default: 'waiting',
    description: 'waiting: not replayed. A page may be shorter than its limit.',
  }),
  source: Type.Union([Type.Literal('index'), Type.Literal('log')], {
    default: 'index',
    description:
      'log: the newest of what the topic holds, in one page, by reading all of it; for when the index is away or behind.',
  }),
  from: Type.Optional(Type.Number({ description: 'Given up not before, milliseconds since the epoch.' })),
  to: Type.Optional(Type.Number({ description: 'Given up before, milliseconds since the epoch.' })),
});
export type DeadLetterQuery = Type.Static<typeof DeadLetterQuery>;

export const ReplayRequest = Type.Object(
  {
    ids: Type.Array(Id, { minItems: 1, maxItems: 200, uniqueItems: true }),
    reason: Reason,
  },
  { additionalProperties: false },
);
export const ReplayResult = Type.Object({
  id: Type.String(),
  outcome: Type.Union([Type.Literal('replayed'), Type.Literal('replayed_before'), Type.Literal('refused')]),
  replayed: nullable(Replay),
  code: nullable(Type.String({ description: 'Of what refused it.' })),
  detail: nullable(Type.String()),
});
export type ReplayResult = Type.Static<typeof ReplayResult>;
export const ReplayAnswer = Type.Object({ results: Type.Array(ReplayResult) });
export type ReplayAnswer = Type.Static<typeof ReplayAnswer>;
