import Type from 'typebox';

/** A target in the configuration; more are added through the control API. */
export const ConnectionEntry = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,62}$', description: 'Name that clients use.' }),
    protocol: Type.String({
      minLength: 1,
      maxLength: 32,
      description: 'Name in the protocol registry.',
      default: 'postgres',
    }),
    host: Type.String({ minLength: 1, maxLength: 255, description: 'Target host.' }),
    port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'Target port.', default: 5432 }),
    credential: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 512,
        description: 'Path in the vault of {"username","password"}. Absent: connections/NAME.',
      }),
    ),
    options: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Options of the protocol (docs/configuration.md).',
      default: {},
    }),
  },
  { additionalProperties: false, description: 'A target.' },
);
export type ConnectionEntry = Type.Static<typeof ConnectionEntry>;
