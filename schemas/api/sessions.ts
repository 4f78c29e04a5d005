import Type from 'typebox';
import { Id, PageQuery, Reason, Time, nullable } from './common.ts';

export const SessionSummary = Type.Object({
  sessionId: Id,
  state: Type.Union([Type.Literal('live'), Type.Literal('closed')]),
  gateway: Type.String({ description: 'Gateway that carries it.' }),
  identityId: Type.String(),
  identityKind: Type.String(),
  displayName: Type.String(),
  tokenId: nullable(Type.String()),
  credentialSource: nullable(Type.String()),
  connection: Type.String(),
  protocol: Type.String(),
  database: nullable(Type.String()),
  clientIp: Type.String(),
  tool: nullable(Type.String()),
  openedAt: Time,
  closedAt: nullable(Time),
  closeReason: nullable(Type.String()),
  requests: Type.Integer(),
  rows: Type.Integer(),
  bytes: Type.Integer(),
  recordingId: nullable(Type.String()),
});
export type SessionSummary = Type.Static<typeof SessionSummary>;

export const SessionQuery = Type.Object({
  ...PageQuery,
  state: Type.Union([Type.Literal('live'), Type.Literal('all')], { default: 'live' }),
  identity: Type.Optional(Id),
  connection: Type.Optional(Id),
});
export type SessionQuery = Type.Static<typeof SessionQuery>;

export const EndSessionRequest = Type.Object(
  {
    reason: Reason,
    incidentId: Type.Optional(Id),
    exerciseId: Type.Optional(Id),
    automated: Type.Boolean({
      default: false,
      description: 'True for playbooks: budgets and break-glass apply.',
    }),
  },
  { additionalProperties: false },
);
export type EndSessionRequest = Type.Static<typeof EndSessionRequest>;
export const EndSessionAnswer = Type.Object({
  sessionId: Id,
  outcome: Type.Union([Type.Literal('ended'), Type.Literal('was_over')]),
});
export type EndSessionAnswer = Type.Static<typeof EndSessionAnswer>;

/** One line of a recording as NDJSON; a missing or corrupt piece is said, and the rest follows. */
export const RecordingLine = Type.Object({
  time: Time,
  stream: Type.String({ description: 'in, out, size (COLUMNSxROWS of a terminal) or problem.' }),
  requestId: nullable(Type.String()),
  data: Type.String({ description: 'Bytes as base64; for a problem the reason in plain words.' }),
});
export type RecordingLine = Type.Static<typeof RecordingLine>;
