import Type from 'typebox';

/** Where clients of a protocol connect to. */
export const ListenerConfig = Type.Object(
  {
    host: Type.String({
      description: 'Address to listen on; off loopback a certificate is required.',
      default: '127.0.0.1',
    }),
    port: Type.Integer({ description: 'Port; 0 takes a free one.', default: 0, minimum: 0, maximum: 65_535 }),
    certificateFile: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Certificate chain, PEM. Absent on loopback: one is made in the data folder.',
      }),
    ),
    keyFile: Type.Optional(Type.String({ minLength: 1, description: 'Its private key, PEM.' })),
    oauthIssuer: Type.Optional(
      Type.String({
        pattern: '^https?://',
        description:
          'Issuer (its URL) that is named to PostgreSQL clients which log in by OAUTHBEARER and have no token yet. Absent: they have to know.',
      }),
    ),
    pendingLoginsMax: Type.Integer({
      description: 'Connections that have not logged in yet; past that the oldest is refused.',
      default: 256,
      minimum: 1,
      maximum: 100_000,
    }),
    loginTimeoutMs: Type.Integer({
      description: 'A login that takes longer is refused, milliseconds.',
      default: 15_000,
      minimum: 100,
      maximum: 600_000,
    }),
    busyPollUs: Type.Integer({
      description:
        'After the last message of any session the gateway looks for the next one for so long before it sleeps, microseconds: answers come sooner where few clients are at work, for processor time. 0: never.',
      default: 300,
      minimum: 0,
      maximum: 10_000,
    }),
    sessionsMax: Type.Integer({
      description: 'Sessions of this listener at a time.',
      default: 10_000,
      minimum: 1,
      maximum: 1_000_000,
    }),
  },
  { description: 'A listener of the data path.', default: {}, additionalProperties: false },
);
export type ListenerConfig = Type.Static<typeof ListenerConfig>;
