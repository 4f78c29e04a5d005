/** Where records go besides the search index: SIEMs and other collectors. */
import Type from 'typebox';
import { SecretReference } from './secret.ts';
import { SinkFilter, literals } from './sink-filter.ts';

const integer = (description: string, value: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: value, minimum, maximum });
const file = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

const common = {
  name: Type.String({
    pattern: '^[a-z0-9][a-z0-9-]{0,40}$',
    description:
      'Name of the sink; its consumer groups are countersign.sink.NAME.TOPIC. A new name starts from the beginning.',
  }),
  filter: SinkFilter,
  batchRecordsMax: integer('Records that are sent in one step.', 200, 1, 10_000),
  batchBytesMax: integer(
    'Bytes that are sent in one step; a longer record goes alone.',
    1_048_576,
    1024,
    67_108_864,
  ),
  attemptTimeoutMs: integer('A try that takes longer has failed, milliseconds.', 30_000, 100, 600_000),
  retryDelayMsMin: integer(
    'First wait before another try, milliseconds; it doubles with each failure.',
    500,
    1,
    60_000,
  ),
  retryDelayMsMax: integer(
    'Longest wait before another try, milliseconds; the receiver may ask for more.',
    30_000,
    1,
    3_600_000,
  ),
  attemptsMax: integer(
    'Tries of one record that the receiver answers with an error of its own; then it is given to dead-letters. A receiver that does not answer is waited for.',
    50,
    1,
    100_000,
  ),
  refusedInRowMax: integer(
    'Records given to dead-letters one after the other without any that was taken; then the receiver, not the records, is taken to be at fault and waited for.',
    100,
    1,
    1_000_000,
  ),
};

export const SinkTls = Type.Object(
  {
    caFile: file("Authority of the receiver's certificate, PEM; the usual public ones where absent."),
    certificateFile: file('Certificate chain to show to the receiver (mutual TLS), PEM.'),
    keyFile: file('Its private key, PEM.'),
    serverName: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 253,
        description: 'Name that the certificate must have, where it is not the host.',
      }),
    ),
  },
  {
    additionalProperties: false,
    default: {},
    description: 'TLS 1.2 or later; the certificate is always checked.',
  },
);
export type SinkTls = Type.Static<typeof SinkTls>;

export const WebhookSinkConfig = Type.Object(
  {
    ...common,
    kind: Type.Literal('webhook', { description: 'HTTPS POST, signed as Standard Webhooks has it.' }),
    url: Type.String({
      pattern: '^https://[^@]+$',
      maxLength: 2048,
      description: 'Where to post; https only, without a name or password in it. Redirects are refused.',
    }),
    signingKeys: Type.Array(SecretReference, {
      minItems: 1,
      maxItems: 8,
      description:
        '`whsec_` and base64 of 24 to 64 bytes (HMAC-SHA256, v1) or `whsk_` and base64 of 32 bytes (Ed25519, v1a). Each signs, so that keys can be changed without a gap.',
    }),
    format: literals(['json-array', 'ndjson'], {
      description: 'A batch as one JSON array, or as lines of JSON.',
      default: 'json-array',
    }),
    schema: literals(['ecs', 'ocsf'], {
      description:
        'ecs: Elastic Common Schema, as in the search index. ocsf: Open Cybersecurity Schema Framework 1.5.0; records that it has no class for (pieces of streams, checkpoints, heartbeats, dead letters) are not sent. Filters speak of ECS fields in both.',
      default: 'ecs',
    }),
    authorization: Type.Optional(SecretReference),
    tls: SinkTls,
    privateAddresses: Type.Boolean({
      description:
        'Whether the host may be at a private or loopback address. Link-local addresses, where clouds keep their metadata services, never are.',
      default: true,
    }),
  },
  { additionalProperties: false, description: 'HTTPS webhook.' },
);
export type WebhookSinkConfig = Type.Static<typeof WebhookSinkConfig>;

export const SyslogSinkConfig = Type.Object(
  {
    ...common,
    kind: Type.Literal('syslog', { description: 'RFC 5424 over TLS (RFC 5425).' }),
    host: Type.String({ minLength: 1, maxLength: 253, description: 'Host of the receiver.' }),
    port: integer('Its port.', 6514, 1, 65_535),
    format: literals(['ecs', 'cef'], {
      description: 'The message: an ECS document as JSON, or ArcSight CEF.',
      default: 'ecs',
    }),
    confirm: literals(['close', 'write'], {
      description:
        'Syslog has no receipts. close: each step has a connection of its own, and what the receiver has read up to its closing alert is taken as delivered. write: one connection is kept, and what the system took over is; a receiver that dies may lose some of it.',
      default: 'close',
    }),
    lingerMs: integer('How long a step waits for more to send with it, milliseconds.', 100, 0, 10_000),
    messageBytesMax: integer(
      'Longest message in bytes. Receivers take 2,048 at least and 8,192 as a rule (RFC 5425); rsyslog has maxMessageSize. Long texts of a longer one are cut.',
      8192,
      480,
      1_048_576,
    ),
    facilityLevel: integer('Facility, 0 to 23; 13 is log audit.', 13, 0, 23),
    hostname: Type.Optional(
      Type.String({
        pattern: '^[!-~]{1,255}$',
        description: 'HOSTNAME of the messages; the name of this machine where absent.',
      }),
    ),
    structuredDataId: Type.String({
      pattern: '^[!#-<>-\\\\^-~]{1,30}@[0-9.]{1,20}$',
      description:
        'SD-ID of the structured data: a name and a private enterprise number. 32473 is the one for examples (RFC 5612).',
      default: 'countersign@32473',
    }),
    tls: SinkTls,
  },
  { additionalProperties: false, description: 'Syslog over TLS.' },
);
export type SyslogSinkConfig = Type.Static<typeof SyslogSinkConfig>;

export const SinkConfig = Type.Union([WebhookSinkConfig, SyslogSinkConfig]);
export type SinkConfig = Type.Static<typeof SinkConfig>;

/** The section `sinks`. */
export const SinksConfig = Type.Array(SinkConfig, {
  description: 'Receivers of records besides the search index, each with offsets of its own (docs/siem.md).',
  default: [],
  maxItems: 50,
});
export type SinksConfig = Type.Static<typeof SinksConfig>;
