/** Writes asyncapi.yaml from the topics and the Avro schemas: `node schemas/generate-asyncapi.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { TOPICS, type TopicDefinition } from './topics.ts';

/** Which stage writes and which reads a topic. */
const FLOWS: Readonly<
  Record<
    keyof typeof TOPICS,
    { readonly writes: readonly string[]; readonly reads: readonly string[]; readonly key: string }
  >
> = {
  sessionEvents: {
    writes: ['gateway', 'ingest'],
    reads: ['detectors', 'ingest'],
    key: 'identity id; before login the source network',
  },
  sessionData: { writes: ['gateway'], reads: ['ingest'], key: 'session id' },
  verdicts: { writes: ['detectors', 'responders'], reads: ['gateway'], key: 'identity id' },
  detections: {
    writes: ['detectors'],
    reads: ['responders', 'ingest'],
    key: 'credential source, else identity id',
  },
  incidents: { writes: ['responders'], reads: ['detectors', 'ingest'], key: 'incident id' },
  responses: { writes: ['responders'], reads: ['ingest'], key: 'incident id' },
  control: { writes: ['gateway'], reads: ['gateway', 'responders', 'ingest'], key: 'kind/record id' },
  rekeyedEvents: { writes: ['detectors'], reads: ['detectors'], key: 'kind of key:key' },
  detectorState: { writes: ['detectors'], reads: ['detectors'], key: 'detector/version/partition/key' },
  deadLetters: {
    writes: ['gateway', 'detectors', 'responders', 'ingest'],
    reads: ['ingest'],
    key: 'source topic',
  },
};

const docOf = (schema: string): string =>
  (JSON.parse(readFileSync(new URL(`avro/${schema}.avsc`, import.meta.url), 'utf8')) as { doc: string }).doc;

/** The AsyncAPI 3.0 document as YAML text. */
export function asyncApi(): string {
  const channels: Record<string, unknown> = {};
  const operations: Record<string, unknown> = {};
  const messages: Record<string, unknown> = {};
  for (const [id, topic] of Object.entries(TOPICS) as [keyof typeof TOPICS, TopicDefinition][]) {
    const { writes, reads, key } = FLOWS[id];
    channels[id] = {
      address: topic.name,
      description: docOf(topic.schema),
      messages: { [topic.schema]: { $ref: `#/components/messages/${topic.schema}` } },
      bindings: {
        kafka: {
          topic: topic.name,
          ...(topic.partitions === 'single' ? { partitions: 1 } : {}),
          bindingVersion: '0.5.0',
        },
      },
      'x-countersign-key': key,
      'x-countersign-kept': topic.cleanup,
    };
    messages[topic.schema] = {
      name: topic.schema,
      contentType: 'application/avro',
      payload: {
        schemaFormat: 'application/vnd.apache.avro;version=1.12.0',
        schema: { $ref: `./schemas/avro/${topic.schema}.avsc` },
      },
    };
    for (const [action, roles] of [
      ['send', writes],
      ['receive', reads],
    ] as const) {
      for (const role of roles)
        operations[`${role}-${action}-${id}`] = {
          action,
          channel: { $ref: `#/channels/${id}` },
          summary: `${role} ${action === 'send' ? 'writes' : 'reads'} ${topic.name}`,
        };
    }
  }
  const document = {
    asyncapi: '3.0.0',
    info: {
      title: 'Countersign',
      version: '0.1.0',
      description:
        'The topics in which the stages of Countersign meet. Records are framed as Avro single-object encoding, or as Confluent wire format where a schema registry is configured.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/avro',
    channels,
    operations,
    components: { messages },
  };
  return `# Made by \`node schemas/generate-asyncapi.ts\`; do not edit.\n${stringify(document, { lineWidth: 140 })}`;
}

if (import.meta.main) writeFileSync(new URL('../asyncapi.yaml', import.meta.url), asyncApi());
