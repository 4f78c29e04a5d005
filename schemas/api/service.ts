import Type from 'typebox';
import { Scope } from './common.ts';

export const WhoAmI = Type.Object({ subject: Type.String(), scopes: Type.Array(Scope) });
export type WhoAmI = Type.Static<typeof WhoAmI>;

export const Health = Type.Object({
  ready: Type.Boolean(),
  roles: Type.Array(
    Type.Object({ name: Type.String(), ready: Type.Boolean(), reason: Type.Optional(Type.String()) }),
  ),
});
export type Health = Type.Static<typeof Health>;
