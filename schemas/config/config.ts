/** The whole configuration: one YAML file, then the environment. */
import Type from 'typebox';
import { AccessConfig } from './access.ts';
import { ControlStoreSection, EventLogSection, SearchIndexSection, section } from './adapters.ts';
import { ApprovalsConfig } from './approvals.ts';
import { ConnectionEntry } from './connection.ts';
import { ControlApiConfig } from './control-api.ts';
import { DetectorsConfig } from './detectors.ts';
import { GatewayConfig } from './gateway.ts';
import { HealthConfig } from './health.ts';
import { IngestConfig } from './ingest.ts';
import { KibanaConfig } from './kibana.ts';
import { ListenerConfig } from './listener.ts';
import { PolicyConfig } from './policy.ts';
import { RecordingStoreConfig } from './recording-store.ts';
import { RespondersConfig } from './responders.ts';
import { SinkConfig } from './sinks.ts';
import { SshConfig } from './ssh.ts';

export const Config = Type.Object(
  {
    dataFolder: Type.String({
      minLength: 1,
      description: 'Folder of everything that this installation keeps; held by one process at a time.',
      default: '.data',
    }),
    logLevel: Type.Union(
      [
        Type.Literal('debug'),
        Type.Literal('info'),
        Type.Literal('warn'),
        Type.Literal('error'),
        Type.Literal('silent'),
      ],
      { description: 'What is written to the log.', default: 'info' },
    ),
    partitionsCount: Type.Integer({
      description: 'Partitions of each topic that has several; cannot be lowered later.',
      default: 4,
      minimum: 1,
      maximum: 1000,
    }),
    ruleFolders: Type.Array(Type.String({ minLength: 1 }), {
      description: 'Folders with Sigma rules of your own (*.yml), besides the shipped ones.',
      default: [],
      maxItems: 32,
    }),
    vaultKey: Type.Optional(
      Type.Union(
        [
          Type.Object(
            { file: Type.String({ minLength: 1, description: 'File that only its owner reads.' }) },
            { additionalProperties: false },
          ),
          Type.Object(
            { env: Type.String({ minLength: 1, description: 'Environment variable.' }) },
            { additionalProperties: false },
          ),
          Type.Object(
            {
              command: Type.Array(Type.String(), {
                minItems: 1,
                maxItems: 64,
                description: 'Program and arguments whose output is the key; no shell.',
              }),
            },
            { additionalProperties: false },
          ),
        ],
        {
          description:
            'Where the key of the vault comes from: 32 bytes in hex or base64. Absent: made at the first start in the data folder.',
        },
      ),
    ),
    postgres: section(ListenerConfig),
    ssh: section(SshConfig),
    connections: Type.Array(ConnectionEntry, { description: 'Targets.', default: [], maxItems: 10_000 }),
    gateway: section(GatewayConfig),
    access: section(AccessConfig),
    policy: section(PolicyConfig),
    approvals: section(ApprovalsConfig),
    controlApi: section(ControlApiConfig),
    detectors: section(DetectorsConfig),
    responders: section(RespondersConfig),
    ingest: section(IngestConfig),
    sinks: Type.Array(SinkConfig, {
      description: 'SIEMs and other collectors that records go to besides the search index (docs/siem.md).',
      default: [],
      maxItems: 100,
    }),
    eventLog: section(EventLogSection),
    controlStore: section(ControlStoreSection),
    searchIndex: section(SearchIndexSection),
    recordingStore: section(RecordingStoreConfig),
    kibana: section(KibanaConfig),
    health: section(HealthConfig),
  },
  { additionalProperties: false, description: 'Configuration of Countersign.' },
);
export type Config = Type.Static<typeof Config>;
