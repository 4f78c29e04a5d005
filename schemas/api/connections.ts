import Type from 'typebox';
import { SecretReference } from '../config/secret.ts';
import { nullable } from './common.ts';

const fields = {
  protocol: Type.String({ minLength: 1, maxLength: 32, description: 'Name in the protocol registry.' }),
  host: Type.String({ minLength: 1, maxLength: 255 }),
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
  database: Type.Optional(nullable(Type.String({ maxLength: 255, description: 'Database or namespace.' }))),
  role: Type.String({ minLength: 1, maxLength: 255, description: 'Account used at the target.' }),
  tls: Type.Union([Type.Literal('verify-full'), Type.Literal('verify-ca'), Type.Literal('disable')], {
    default: 'verify-full',
    description: 'How the target is checked; disable only on loopback.',
  }),
  ca: Type.Optional(
    nullable(Type.String({ maxLength: 262_144, description: 'Certificate authority of the target, PEM.' })),
  ),
  options: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), {
      maxProperties: 64,
      description: 'Options of the protocol (docs/configuration.md); for PostgreSQL the fields above say it.',
    }),
  ),
  labels: Type.Record(Type.String({ maxLength: 100 }), Type.String({ maxLength: 200 }), {
    maxProperties: 32,
    default: {},
  }),
};

/** A target as configured. Its credential is never shown. */
export const Connection = Type.Object({ name: Type.String(), ...fields });
export type Connection = Type.Static<typeof Connection>;

export const ConnectionPut = Type.Object(
  {
    ...fields,
    credential: Type.Optional(
      Type.Union(
        [
          SecretReference,
          Type.Object({ password: Type.String({ minLength: 1, maxLength: 4096 }) }),
          Type.Object({
            privateKey: Type.String({ minLength: 1, maxLength: 32_768 }),
            passphrase: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
          }),
          Type.Object({ certificate: Type.Literal('gateway-ca') }),
        ],
        {
          description:
            "Reference to the password, or what goes into the vault: a password, a private key (SSH), or that the gateway's own authority certifies each login (SSH). Absent: kept as it is.",
        },
      ),
    ),
  },
  { additionalProperties: false },
);
export type ConnectionPut = Type.Static<typeof ConnectionPut>;

export const ConnectionCheck = Type.Object({
  ok: Type.Boolean(),
  steps: Type.Array(
    Type.Object({
      step: Type.String({ description: 'What was tried: resolve, connect, tls, login, query.' }),
      ok: Type.Boolean(),
      detail: Type.String(),
    }),
  ),
});
export type ConnectionCheck = Type.Static<typeof ConnectionCheck>;
