import Type from 'typebox';
import { Id, PageQuery, Reason, Time, nullable } from './common.ts';

/** Public side of a token; never the secret. */
export const TokenSummary = Type.Object({
  tokenId: Id,
  identityId: Id,
  connections: Type.Array(Type.String(), { description: 'Connections it may open; `*` for all.' }),
  credentialSource: nullable(Type.String()),
  issuedAt: Time,
  issuedBy: Type.String(),
  expiresAt: Time,
  revokedAt: nullable(Time),
});
export type TokenSummary = Type.Static<typeof TokenSummary>;

export const IssueTokenRequest = Type.Object(
  {
    identityId: Id,
    connections: Type.Array(Type.String({ minLength: 1, maxLength: 63 }), {
      minItems: 1,
      maxItems: 100,
      default: ['*'],
      description: 'Connections it may open; `*` for all.',
    }),
    ttlMs: Type.Integer({
      minimum: 1000,
      maximum: 31_536_000_000,
      default: 3_600_000,
      description: 'How long it lives, milliseconds.',
    }),
    credentialSource: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description: 'Where the token will be kept and used from.',
      }),
    ),
    attributes: Type.Optional(
      Type.Record(Type.String({ maxLength: 100 }), Type.String({ maxLength: 500 }), { maxProperties: 32 }),
    ),
  },
  { additionalProperties: false },
);
export type IssueTokenRequest = Type.Static<typeof IssueTokenRequest>;

export const IssueTokenAnswer = Type.Object({
  token: Type.String({ description: 'The secret; shown once.' }),
  userName: Type.String({ description: 'Name to log in with.' }),
  summary: TokenSummary,
});
export type IssueTokenAnswer = Type.Static<typeof IssueTokenAnswer>;

export const TokenQuery = Type.Object({
  ...PageQuery,
  identity: Type.Optional(Id),
  live: Type.Boolean({ default: false, description: 'Only those that still work.' }),
});
export const RevokeTokenRequest = Type.Object(
  { reason: Reason, incidentId: Type.Optional(Id), automated: Type.Boolean({ default: false }) },
  { additionalProperties: false },
);
export const RevokeTokenAnswer = Type.Object({ tokenId: Id, revokedAt: Time });
export type RevokeTokenAnswer = Type.Static<typeof RevokeTokenAnswer>;
