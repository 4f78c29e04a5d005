import Type from 'typebox';

/** Where SSH clients connect to. */
export const SshConfig = Type.Object(
  {
    host: Type.String({ minLength: 1, description: 'Address to listen on.', default: '127.0.0.1' }),
    port: Type.Integer({ description: 'Port; 0 takes a free one.', default: 0, minimum: 0, maximum: 65_535 }),
    pendingLoginsMax: Type.Integer({
      description: 'Connections that have not logged in yet; past that the oldest is refused.',
      default: 256,
      minimum: 1,
      maximum: 100_000,
    }),
    loginTimeoutMs: Type.Integer({
      description: 'A login that takes longer is refused, milliseconds.',
      default: 30_000,
      minimum: 100,
      maximum: 600_000,
    }),
    sessionsMax: Type.Integer({
      description: 'Connections of this listener that are logged in, at a time.',
      default: 10_000,
      minimum: 1,
      maximum: 1_000_000,
    }),
  },
  {
    description: 'The SSH listener; its host keys are made at the first start and kept in the vault.',
    default: {},
    additionalProperties: false,
  },
);
export type SshConfig = Type.Static<typeof SshConfig>;
