/** The event log that the configuration names, with its topics; framed for a schema registry where there is one. */
import { createNodeDisk } from '../../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../../platform/event-log/embedded/embedded-event-log.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import type { Config } from '../../schemas/config/config.ts';
import { topicOptions } from '../topics.ts';
import type { AdapterDeps } from './adapter-deps.ts';

export type EventLogSettings = Pick<Config, 'eventLog' | 'partitionsCount'>;

async function openAdapter(deps: AdapterDeps, config: EventLogSettings['eventLog']): Promise<EventLog> {
  if (config.kind === 'embedded') return createEmbeddedEventLog({ ...deps, disk: createNodeDisk() }, config);
  // Loaded only where it is used: the client library costs every other process memory.
  const { createKafkaEventLog } = await import('../../platform/event-log/kafka/kafka-event-log.ts');
  return createKafkaEventLog(deps, config.kafka);
}

async function withRegistry(
  deps: AdapterDeps,
  eventLog: EventLog,
  { kind, kafka, schemaRegistry: config }: EventLogSettings['eventLog'],
): Promise<EventLog> {
  if (config === undefined) return eventLog;
  const [{ createSchemaRegistry }, { frameForRegistry }] = await Promise.all([
    import('../../platform/schema-registry/schema-registry.ts'),
    import('../../platform/schema-registry/framed-event-log.ts'),
  ]);
  const prefix = kind === 'kafka' ? kafka.prefix : '';
  return frameForRegistry(eventLog, await createSchemaRegistry(deps, config, prefix));
}

/** Opens it with all topics there. */
export async function openEventLog(
  deps: AdapterDeps,
  { eventLog: config, partitionsCount }: EventLogSettings,
): Promise<EventLog> {
  const adapter = await openAdapter(deps, config);
  try {
    const eventLog = await withRegistry(deps, adapter, config);
    await eventLog.ensureTopics(topicOptions(partitionsCount));
    return eventLog;
  } catch (error) {
    await adapter.close().catch(() => undefined);
    throw error;
  }
}
