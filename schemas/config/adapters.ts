/** Which adapter stands behind each port. What is not under an adapter's own name is of the embedded one. */
import Type, { type TObject, type TProperties } from 'typebox';
import { PostgresStoreConfig } from './control-store-postgres.ts';
import { ControlStoreConfig } from './control-store.ts';
import { ElasticsearchConfig } from './elasticsearch.ts';
import { EventLogConfig } from './event-log.ts';
import { KafkaConfig } from './kafka.ts';
import { SchemaRegistryConfig } from './schema-registry.ts';
import { SearchIndexConfig } from './search-index.ts';

/** The same section, filled in with its own defaults where it is absent; typos in it are mistakes. */
export const section = <P extends TProperties>(schema: TObject<P>): TObject<P> =>
  Type.Object(schema.properties, {
    description: (schema as { description?: string }).description ?? '',
    additionalProperties: false,
    default: {},
  });

export const EventLogSection = Type.Object(
  {
    kind: Type.Union([Type.Literal('embedded'), Type.Literal('kafka')], {
      description:
        'embedded: in the data folder, for one process. kafka: for roles in several processes, on several machines.',
      default: 'embedded',
    }),
    ...EventLogConfig.properties,
    kafka: section(KafkaConfig),
    schemaRegistry: Type.Optional(
      Type.Object(SchemaRegistryConfig.properties, {
        description:
          'Schema registry (Confluent API); absent: records carry the fingerprint of their schema.',
        additionalProperties: false,
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'The event log. The embedded one: one machine, durable, not a cluster.',
  },
);

export const ControlStoreSection = Type.Object(
  {
    kind: Type.Union([Type.Literal('sqlite'), Type.Literal('postgres')], {
      description:
        'sqlite: a file in the data folder, for one gateway. postgres: shared by all gateways; needed where a gateway runs apart from other roles.',
      default: 'sqlite',
    }),
    ...ControlStoreConfig.properties,
    postgres: section(PostgresStoreConfig),
  },
  { additionalProperties: false, description: 'The control store: tokens, lockouts, leases, the vault.' },
);

export const SearchIndexSection = Type.Object(
  {
    kind: Type.Union([Type.Literal('embedded'), Type.Literal('elasticsearch')], {
      description:
        'embedded: a file in the data folder, for one process. elasticsearch: for all; needed where ingest and gateway run in different processes.',
      default: 'embedded',
    }),
    ...SearchIndexConfig.properties,
    elasticsearch: section(ElasticsearchConfig),
  },
  { additionalProperties: false, description: 'The search index.' },
);
