import Type from 'typebox';
import { SecretReference } from './secret.ts';

const file = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

/** The event log on Kafka (`eventLog.kafka`). */
export const KafkaConfig = Type.Object(
  {
    brokers: Type.Array(Type.String({ pattern: '^.+:[0-9]+$', description: 'host:port' }), {
      description: 'Brokers to begin with (host:port); the others are learned from them.',
      default: ['127.0.0.1:9092'],
      minItems: 1,
      maxItems: 100,
    }),
    client: Type.Union([Type.Literal('kafkajs'), Type.Literal('platformatic')], {
      description:
        'Library under the connections. Both pass the same tests; platformatic needs the package @platformatic/kafka.',
      default: 'kafkajs',
    }),
    clientId: Type.String({
      description: "Name of this program in the brokers' logs and quotas.",
      default: 'countersign',
      minLength: 1,
      maxLength: 100,
    }),
    prefix: Type.String({
      description:
        'Put before the names of topics, groups and writers, so that several installations can share one cluster.',
      default: '',
      pattern: '^[A-Za-z0-9._-]{0,100}$',
    }),
    tls: Type.Optional(
      Type.Object(
        {
          caFile: file(
            "PEM of the authority that signed the brokers' certificates; the system's where absent.",
          ),
          certificateFile: file('PEM of our certificate, where brokers ask for one.'),
          keyFile: file('PEM of its key.'),
          serverName: file("Name in the brokers' certificates, where it is not the host's."),
        },
        {
          additionalProperties: false,
          description:
            'Connections by TLS; certificates are always checked. Absent: in the clear, for loopback.',
        },
      ),
    ),
    login: Type.Optional(
      Type.Object(
        {
          mechanism: Type.Union([Type.Literal('scram-sha-256'), Type.Literal('scram-sha-512')], {
            description: 'SASL mechanism.',
            default: 'scram-sha-512',
          }),
          username: Type.String({ minLength: 1, description: 'User of this role.' }),
          password: SecretReference,
        },
        { additionalProperties: false, description: 'SASL login.' },
      ),
    ),
    replicas: Type.Integer({
      description: 'Replicas of each partition of topics that are created; existing ones are checked.',
      default: 3,
      minimum: 1,
      maximum: 32,
    }),
    inSyncReplicasMin: Type.Integer({
      description:
        'min.insync.replicas: how many replicas must have a record before it counts as durable. Must be below replicas for one to fail.',
      default: 2,
      minimum: 1,
      maximum: 32,
    }),
    recordBytesMax: Type.Integer({
      description: 'Largest record (key, headers and value) that is taken, bytes.',
      default: 1024 * 1024,
      minimum: 1024,
      maximum: 16 * 1024 * 1024,
    }),
    batchBytesMax: Type.Integer({
      description:
        'Records of one partition that go out together under load, bytes before compression. Nothing ever waits for more.',
      default: 256 * 1024,
      minimum: 4096,
      maximum: 16 * 1024 * 1024,
    }),
    queueBytesMax: Type.Integer({
      description:
        'Records that may wait to be written while Kafka is slow or away; further ones are refused.',
      default: 64 * 1024 * 1024,
      minimum: 64 * 1024,
      maximum: 4 * 1024 * 1024 * 1024,
    }),
    appendTimeoutMs: Type.Integer({
      description:
        'An append that is not acknowledged in this time fails (EVENT_LOG_UNREACHABLE), milliseconds. What has gone out by then may still arrive.',
      default: 30_000,
      minimum: 100,
      maximum: 3_600_000,
    }),
    compression: Type.Union([Type.Literal('none'), Type.Literal('gzip'), Type.Literal('zstd')], {
      description: 'How batches are compressed.',
      default: 'zstd',
    }),
    compressFromBytes: Type.Integer({
      description: 'Smaller batches are not compressed: at idle that only costs time.',
      default: 4096,
      minimum: 0,
      maximum: 16 * 1024 * 1024,
    }),
    connectTimeoutMs: Type.Integer({
      description: 'Time for a connection to a broker, milliseconds.',
      default: 5000,
      minimum: 100,
      maximum: 120_000,
    }),
    requestTimeoutMs: Type.Integer({
      description: 'Time for an answer of a broker, milliseconds; then the connection is given up.',
      default: 5000,
      minimum: 500,
      maximum: 300_000,
    }),
    fetchWaitMsMax: Type.Integer({
      description:
        'How long a broker keeps a fetch open while there is nothing, milliseconds. It answers at once when something comes.',
      default: 500,
      minimum: 10,
      maximum: 30_000,
    }),
    fetchBytesMax: Type.Integer({
      description: 'Largest answer to one fetch, bytes.',
      default: 8 * 1024 * 1024,
      minimum: 64 * 1024,
      maximum: 64 * 1024 * 1024,
    }),
    partitionBufferBytesMax: Type.Integer({
      description: 'Records of one partition fetched ahead of their consumer, bytes.',
      default: 1024 * 1024,
      minimum: 64 * 1024,
      maximum: 64 * 1024 * 1024,
    }),
    sessionTimeoutMs: Type.Integer({
      description:
        'A member of a group that is not heard of for so long is dead, and others take over its partitions; milliseconds.',
      default: 6000,
      minimum: 1000,
      maximum: 300_000,
    }),
    heartbeatMs: Type.Integer({
      description:
        'How often a member is heard of, and so how soon it learns that the group changes; milliseconds.',
      default: 500,
      minimum: 50,
      maximum: 60_000,
    }),
    rebalanceTimeoutMs: Type.Integer({
      description:
        'How long a group waits for a member to end its batch and give up partitions, milliseconds; then it goes on without that member.',
      default: 60_000,
      minimum: 1000,
      maximum: 600_000,
    }),
  },
  { additionalProperties: false, description: 'The event log on Kafka.', default: {} },
);
export type KafkaConfig = Type.Static<typeof KafkaConfig>;
