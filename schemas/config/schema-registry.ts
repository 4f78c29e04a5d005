import Type from 'typebox';
import { SecretReference } from './secret.ts';

const Credentials = Type.Union(
  [
    Type.Object(
      {
        kind: Type.Literal('basic'),
        username: Type.String({ minLength: 1, description: 'User, or the key of an API key.' }),
        password: SecretReference,
      },
      { additionalProperties: false },
    ),
    Type.Object({ kind: Type.Literal('bearer'), token: SecretReference }, { additionalProperties: false }),
  ],
  { description: 'How the registry knows us; absent: it asks for nothing.' },
);

const Tls = Type.Object(
  {
    caFile: Type.Optional(
      Type.String({
        description: "PEM of the authority of the registry's certificate; absent: the usual ones.",
      }),
    ),
    certificateFile: Type.Optional(
      Type.String({ description: 'PEM of our client certificate (mutual TLS).' }),
    ),
    keyFile: Type.Optional(Type.String({ description: 'PEM of its key.' })),
  },
  { additionalProperties: false, description: 'TLS for https addresses.' },
);

/** A schema registry with Confluent's REST API (`eventLog.schemaRegistry`); absent: records carry the fingerprint of their schema. */
export const SchemaRegistryConfig = Type.Object(
  {
    urls: Type.Array(Type.String({ pattern: '^https?://' }), {
      minItems: 1,
      maxItems: 16,
      description: 'Base addresses of the same registry; the next one is tried where one does not answer.',
    }),
    credentials: Type.Optional(Credentials),
    tls: Type.Optional(Tls),
    autoRegister: Type.Boolean({
      description:
        'Register our schemas at the start where they are not there yet. False: they must be there, and the start is refused otherwise. Incompatible ones are never registered.',
      default: true,
    }),
    compatibility: Type.Union(
      [
        Type.Literal('BACKWARD'),
        Type.Literal('BACKWARD_TRANSITIVE'),
        Type.Literal('FULL'),
        Type.Literal('FULL_TRANSITIVE'),
        Type.Literal('leave'),
      ],
      {
        description:
          'Compatibility level for subjects that we make; a level that a subject has is never changed. leave: set none.',
        default: 'BACKWARD',
      },
    ),
    requestTimeoutMs: Type.Integer({
      description: 'Greatest time for one answer, milliseconds.',
      default: 5000,
      minimum: 100,
    }),
    startWaitMsMax: Type.Integer({
      description:
        'How long the start waits for a registry that does not answer, milliseconds; then it is refused.',
      default: 60_000,
      minimum: 0,
    }),
    lookupWaitMsMax: Type.Integer({
      description:
        'How long records with an unknown schema id wait while the registry is away, milliseconds; then they go to dead-letters, from where they can be replayed.',
      default: 30_000,
      minimum: 0,
    }),
    idsMax: Type.Integer({
      description: 'Schemas looked up while running that are kept in memory.',
      default: 1000,
      minimum: 10,
    }),
  },
  { additionalProperties: false, description: 'Schema registry (Confluent API).' },
);
export type SchemaRegistryConfig = Type.Static<typeof SchemaRegistryConfig>;
