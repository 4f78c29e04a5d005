import Type from 'typebox';
import { Id, nullable, PageQuery, Time } from './common.ts';

export const IdentityRecord = Type.Object(
  {
    id: Type.String({
      minLength: 3,
      maxLength: 512,
      pattern: '^[^/]+/.+$',
      description: 'issuer + "/" + immutable subject; `countersign/NAME` for accounts of the gateway.',
    }),
    kind: Type.Union([
      Type.Literal('human'),
      Type.Literal('service_account'),
      Type.Literal('workload'),
      Type.Literal('ai_agent'),
    ]),
    displayName: Type.String({ maxLength: 200, default: '' }),
    groups: Type.Array(Type.String({ minLength: 1, maxLength: 200 }), { maxItems: 500, default: [] }),
    onBehalfOf: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 16, default: [] }),
    breakGlass: Type.Boolean({
      default: false,
      description: 'Never locked out by automation; only by a person.',
    }),
    attributes: Type.Record(Type.String({ maxLength: 100 }), Type.String({ maxLength: 500 }), {
      maxProperties: 64,
      default: {},
    }),
    owner: Type.Optional(
      nullable(
        Type.String({ minLength: 3, maxLength: 512, description: 'Identity id of who answers for it.' }),
      ),
    ),
    expiresAt: Type.Optional(nullable(Time)),
    ttlMsMax: Type.Optional(
      nullable(
        Type.Integer({
          minimum: 1000,
          maximum: 315_360_000_000,
          description: 'Longest life of its tokens, milliseconds.',
        }),
      ),
    ),
    active: Type.Optional(
      Type.Boolean({ description: 'False: its issuer has ended it. Told only; a change is not taken.' }),
    ),
  },
  { additionalProperties: false },
);
export type IdentityRecord = Type.Static<typeof IdentityRecord>;

export const IdentityQuery = Type.Object({
  ...PageQuery,
  id: Type.Optional(Id),
});

export const IdentityFinding = Type.Object({
  identityId: Id,
  kind: Type.Union(
    [
      Type.Literal('ex_member'),
      Type.Literal('owner_gone'),
      Type.Literal('no_owner'),
      Type.Literal('no_expiry'),
      Type.Literal('ended'),
      Type.Literal('long_token'),
      Type.Literal('unused'),
      Type.Literal('unused_rights'),
    ],
    { description: 'What is to be looked at.' },
  ),
  detail: Type.String({ description: 'In plain words.' }),
  tokenId: nullable(Type.String()),
});
export type IdentityFinding = Type.Static<typeof IdentityFinding>;

export const IdentityReview = Type.Object({
  findings: Type.Array(IdentityFinding),
  identities: Type.Integer({ description: 'Identities that were looked at.' }),
  unusedDays: Type.Integer(),
  usageKnown: Type.Boolean({ description: 'False: the search index could not be asked who used what.' }),
});
export type IdentityReview = Type.Static<typeof IdentityReview>;
