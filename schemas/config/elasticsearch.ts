import Type from 'typebox';
import { SecretReference } from './secret.ts';

const ms = (description: string, standard: number, minimum: number, maximum: number) =>
  Type.Integer({ description: `${description}, milliseconds.`, default: standard, minimum, maximum });
const days = (description: string, standard: number) =>
  Type.Integer({ description: `${description}, days.`, default: standard, minimum: 1, maximum: 36_500 });

const Bulk = Type.Object(
  {
    documentsMax: Type.Integer({
      description: 'Documents in one bulk request; fewer after the server said that it has too many.',
      default: 2000,
      minimum: 1,
      maximum: 10_000,
    }),
    bytesMax: Type.Integer({
      description: 'Bytes in one bulk request; a single larger document goes alone.',
      default: 8 * 1024 * 1024,
      minimum: 64 * 1024,
      maximum: 100 * 1024 * 1024,
    }),
    attemptsMax: Type.Integer({
      description:
        'Times that a document the server has no room for (429, blocked, unavailable) is sent before the whole batch waits.',
      default: 5,
      minimum: 1,
      maximum: 100,
    }),
    retryDelayMsMin: ms('First wait before such a document is sent again; doubled each time', 100, 1, 60_000),
    retryDelayMsMax: ms('Longest of these waits', 5000, 1, 600_000),
  },
  { description: 'Writing.', default: {}, additionalProperties: false },
);

const Retention = Type.Object(
  {
    mode: Type.Union(
      ['auto', 'lifecycle', 'ilm', 'ours'].map((mode) => Type.Literal(mode)),
      {
        description:
          'Who deletes old documents of data streams. lifecycle: the data stream lifecycle; ilm: an index lifecycle policy; ours: the job of ingest.retention; auto: the first of these that the server has. Incidents and control records, which are plain indices, are always deleted by our job.',
        default: 'auto',
      },
    ),
    rolloverAgeDays: days('ours and ilm: a backing index is closed off after this age', 7),
    rolloverBytesMax: Type.Integer({
      description: 'ours and ilm: or when a primary shard has this size, bytes.',
      default: 30 * 1024 ** 3,
      minimum: 1024 * 1024,
      maximum: 1024 ** 4,
    }),
  },
  {
    description: 'Age of documents; how many days each kind is kept stands in ingest.retention.',
    default: {},
    additionalProperties: false,
  },
);

/** The search index on Elasticsearch 8.19 or 9. */
export const ElasticsearchConfig = Type.Object(
  {
    nodes: Type.Array(Type.String({ minLength: 1, maxLength: 2000, pattern: '^https?://' }), {
      description: 'Addresses of the nodes, such as https://es1.example.com:9200.',
      default: ['http://127.0.0.1:9200'],
      minItems: 1,
      maxItems: 100,
    }),
    apiKey: Type.Optional(SecretReference),
    username: Type.Optional(
      Type.String({ description: 'User, where there is no API key.', minLength: 1, maxLength: 500 }),
    ),
    password: Type.Optional(SecretReference),
    caFile: Type.Optional(
      Type.String({
        description:
          'PEM file of the authority that signed the certificates of the nodes, where it is not a public one.',
        minLength: 1,
      }),
    ),
    compression: Type.Boolean({
      description:
        'gzip for requests and answers: a tenth of the bytes, for about 20 us of a processor more a document. For a server that is far away, or whose traffic is paid for.',
      default: false,
    }),
    indexPrefix: Type.String({
      description:
        'Start of the names of data streams (PREFIX-session-events, PREFIX-detections, ...), indices (PREFIX-incidents, PREFIX-control) and templates.',
      default: 'countersign',
      pattern: '^[a-z0-9][a-z0-9_.-]{0,49}$',
    }),
    shardsCount: Type.Integer({
      description: 'Primary shards of each new index.',
      default: 1,
      minimum: 1,
      maximum: 1024,
    }),
    replicasCount: Type.Integer({
      description:
        'Copies of each shard. On a cluster of one node 0, else a lost node loses documents (they can be indexed again from the topics).',
      default: 1,
      minimum: 0,
      maximum: 10,
    }),
    refreshMs: ms('How long a new document may stay invisible to searches', 1000, 100, 600_000),
    templates: Type.Union([Type.Literal('install'), Type.Literal('expect')], {
      description:
        'install: index and component templates are put at the start; expect: an administrator has put them (docs/elasticsearch.md), and the credential needs no right to.',
      default: 'install',
    }),
    requestTimeoutMs: ms('Longest wait for an answer', 30_000, 100, 600_000),
    circuitDelayMs: ms(
      'Wait after a failed connection before the next attempt; until then requests are refused at once',
      1000,
      1,
      600_000,
    ),
    connectionsMax: Type.Integer({
      description: 'Connections to each node; further requests wait.',
      default: 10,
      minimum: 1,
      maximum: 1000,
    }),
    requestsWaitingMax: Type.Integer({
      description: 'Requests under way or waiting at once; more are refused.',
      default: 1000,
      minimum: 1,
      maximum: 100_000,
    }),
    repeatMarginMs: ms(
      'Documents whose time is this close to the start of the newest backing index, or older, are looked up in the older ones before they are added',
      600_000,
      0,
      86_400_000,
    ),
    bulk: Bulk,
    retention: Retention,
  },
  { description: 'Elasticsearch as the search index.', default: {}, additionalProperties: false },
);
export type ElasticsearchConfig = Type.Static<typeof ElasticsearchConfig>;
