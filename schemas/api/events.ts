import Type from 'typebox';
import { Id, PageQuery } from './common.ts';

export const SearchQueryString = Type.Object({
  ...PageQuery,
  q: Type.Optional(Type.String({ maxLength: 500, description: 'Words that must all occur.' })),
  identity: Type.Optional(Id),
  session: Type.Optional(Id),
  connection: Type.Optional(Id),
  kind: Type.Optional(Type.String({ maxLength: 64, description: 'Kind of event: request, response, ...' })),
  incident: Type.Optional(Id),
  severity: Type.Optional(Type.String({ maxLength: 32 })),
  heartbeats: Type.Boolean({
    default: true,
    description: 'False leaves out the checkpoints and heartbeats of gateways.',
  }),
  from: Type.Optional(Type.Number({ description: 'Not before, milliseconds since the epoch.' })),
  to: Type.Optional(Type.Number({ description: 'Before, milliseconds since the epoch.' })),
  order: Type.Union([Type.Literal('newest'), Type.Literal('oldest')], { default: 'newest' }),
});
export type SearchQueryString = Type.Static<typeof SearchQueryString>;

/** A document as the search index has it: flat, ECS names. */
export const Hit = Type.Object({ id: Type.String(), document: Type.Record(Type.String(), Type.Unknown()) });
export type Hit = Type.Static<typeof Hit>;

export const StreamQuery = Type.Object({
  topic: Type.Union(
    [
      Type.Literal('session-events'),
      Type.Literal('detections'),
      Type.Literal('incidents'),
      Type.Literal('responses'),
    ],
    { default: 'session-events' },
  ),
  session: Type.Optional(Id),
  identity: Type.Optional(Id),
});
export type StreamQuery = Type.Static<typeof StreamQuery>;

export const ExportQuery = Type.Object({
  from: Type.Optional(Type.Number({ description: 'Not before, milliseconds since the epoch, event time.' })),
  to: Type.Optional(Type.Number({ description: 'Before, milliseconds since the epoch, event time.' })),
  identity: Type.Optional(Id),
  exercises: Type.Boolean({ default: false, description: 'Also events of exercises.' }),
});
export type ExportQuery = Type.Static<typeof ExportQuery>;
