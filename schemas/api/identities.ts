import Type from 'typebox';
import { Id, PageQuery } from './common.ts';

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
  },
  { additionalProperties: false },
);
export type IdentityRecord = Type.Static<typeof IdentityRecord>;

export const IdentityQuery = Type.Object({
  ...PageQuery,
  id: Type.Optional(Id),
});
