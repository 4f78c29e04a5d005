import Type from 'typebox';
import { SecretReference } from './secret.ts';

const ms = (description: string, value: number, minimum: number, maximum: number) =>
  Type.Integer({ description: `${description}, milliseconds.`, default: value, minimum, maximum });

/** The control store on PostgreSQL: where several gateways share one, and where roles run on several machines. */
export const PostgresStoreConfig = Type.Object(
  {
    hosts: Type.Array(
      Type.Object(
        {
          host: Type.String({ minLength: 1, description: 'Name or address; the certificate must name it.' }),
          port: Type.Integer({ description: 'Port.', default: 5432, minimum: 1, maximum: 65_535 }),
        },
        { additionalProperties: false },
      ),
      {
        description:
          'Servers of one cluster, in the order they are tried; the one that takes writes is used.',
        default: [{ host: 'localhost', port: 5432 }],
        minItems: 1,
        maxItems: 16,
      },
    ),
    database: Type.String({ description: 'Database.', default: 'countersign', minLength: 1 }),
    user: Type.String({ description: 'Role that it logs in as.', default: 'countersign', minLength: 1 }),
    password: Type.Optional(SecretReference),
    schema: Type.String({
      description: 'Schema that holds the tables; made at the first start where it is absent.',
      default: 'countersign',
      pattern: '^[a-z_][a-z0-9_]{0,46}$',
    }),
    tls: Type.Object(
      {
        mode: Type.Union([Type.Literal('verify-full'), Type.Literal('disable')], {
          description:
            'verify-full checks the certificate and the name in it. disable is for a server on the same machine only: passwords and vault records pass in the clear.',
          default: 'verify-full',
        }),
        caFile: Type.Optional(
          Type.String({
            description: 'Certificates of the authority, PEM; those of the system where absent.',
          }),
        ),
        certificateFile: Type.Optional(Type.String({ description: "The client's certificate, PEM." })),
        keyFile: Type.Optional(Type.String({ description: "The client certificate's key, PEM." })),
      },
      { additionalProperties: false, description: 'Encryption.', default: {} },
    ),
    connectionsMax: Type.Integer({
      description: 'Connections of one process, besides the one that listens.',
      default: 8,
      minimum: 2,
      maximum: 100,
    }),
    callsWaitingMax: Type.Integer({
      description: 'Reads and transactions that may wait for their turn; more are refused.',
      default: 10_000,
      minimum: 1,
      maximum: 1_000_000,
    }),
    transactionsMax: Type.Integer({
      description: 'Transactions of one process that run at a time.',
      default: 4,
      minimum: 1,
      maximum: 100,
    }),
    connectTimeoutMs: ms('Longest time to connect to one server', 2000, 50, 60_000),
    statementTimeoutMs: ms(
      'Longest time for one statement; then its connection counts as lost',
      3000,
      50,
      600_000,
    ),
    transactionTimeoutMs: ms(
      'Longest time for the work of a transaction, and for reaching a server that is away',
      5000,
      50,
      600_000,
    ),
    foreignPollMs: ms(
      'How often changes of other processes are looked for besides being told of them',
      500,
      50,
      1000,
    ),
    outboxEntriesMax: Type.Integer({
      description: 'Changes that may wait for the event log; more are refused.',
      default: 1_000_000,
      minimum: 1000,
      maximum: 100_000_000,
    }),
  },
  { description: 'The control store on PostgreSQL.', additionalProperties: false, default: {} },
);
export type PostgresStoreConfig = Type.Static<typeof PostgresStoreConfig>;
