import Type from 'typebox';
import { nullable } from './common.ts';

/** Where clients of a protocol connect to, and what they trust the gateway by. */
export const Listener = Type.Object({
  host: Type.String(),
  port: Type.Integer(),
  tls: Type.Boolean(),
  ca: nullable(Type.String()),
  hostKeys: Type.Optional(
    Type.Array(Type.String(), { description: 'SSH: lines of known_hosts, without the host.' }),
  ),
  userAuthority: Type.Optional(
    Type.String({ description: 'SSH: public key that targets trust (TrustedUserCAKeys).' }),
  ),
});
export type Listener = Type.Static<typeof Listener>;

/** What a client needs to know to reach a connection. */
export const ConnectAnswer = Type.Object({
  name: Type.String(),
  protocol: Type.String(),
  listener: Listener,
});
export type ConnectAnswer = Type.Static<typeof ConnectAnswer>;
