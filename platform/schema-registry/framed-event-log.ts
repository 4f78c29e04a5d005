/**
 * An event log whose records are framed for a schema registry where they lie, and as Avro single objects for whoever uses it. The frame
 * is changed at this one place: spool, hashes, codecs and the audit trail know nothing of registries. What is no record of ours
 * (poison, or a schema that nobody can read) passes as it is, and is judged by who reads it.
 */
import { fingerprintIn, registryIdIn, SINGLE_OBJECT_FRAME_BYTES } from '../../schemas/writer-schema.ts';
import type { EventLog, LogRecord, LogWriter, NewRecord } from '../event-log/event-log.ts';
import type { SchemaRegistry } from './schema-registry.ts';

const FRAME_BYTES = 5;

function toRegistry(registry: SchemaRegistry, topic: string, value: Uint8Array): Uint8Array {
  const fingerprint = fingerprintIn(value);
  const id = fingerprint === undefined ? undefined : registry.idOf(topic, fingerprint);
  if (id === undefined) return value;
  const framed = Buffer.allocUnsafe(value.length - SINGLE_OBJECT_FRAME_BYTES + FRAME_BYTES);
  framed[0] = 0;
  framed.writeUInt32BE(id, 1);
  framed.set(value.subarray(SINGLE_OBJECT_FRAME_BYTES), FRAME_BYTES);
  return framed;
}

/** Looks up what is not known yet, and returns the records with the frame that codecs read. */
async function fromRegistry(registry: SchemaRegistry, records: readonly LogRecord[]): Promise<LogRecord[]> {
  const unknown = new Map<number, string>();
  for (const { topic, value } of records) {
    const id = value === null ? undefined : registryIdIn(value);
    if (id !== undefined && registry.known(topic, id) === undefined) unknown.set(id, topic);
  }
  for (const [id, topic] of unknown) await registry.lookUp(topic, id);
  return records.map((record) => {
    const { topic, value } = record;
    const id = value === null ? undefined : registryIdIn(value);
    if (id === undefined) return record;
    const written = registry.known(topic, id)?.toSingleObject(value!);
    return written === undefined ? record : { ...record, value: written };
  });
}

/** Closes the registry with itself. */
export function frameForRegistry(eventLog: EventLog, registry: SchemaRegistry): EventLog {
  const frame = (topic: string, records: readonly NewRecord[]): NewRecord[] =>
    records.map((record) =>
      record.value === null ? record : { ...record, value: toRegistry(registry, topic, record.value) },
    );
  return {
    ensureTopics: (topics) => eventLog.ensureTopics(topics),
    async writer(name): Promise<LogWriter> {
      const writer = await eventLog.writer(name);
      return {
        append: (topic, records, options) => writer.append(topic, frame(topic, records), options),
        close: () => writer.close(),
      };
    },
    consume: (options) =>
      eventLog.consume({
        ...options,
        onBatch: async (records, control) => options.onBatch(await fromRegistry(registry, records), control),
      }),
    read: (options) =>
      eventLog.read({
        ...options,
        onRecords: async (records) => options.onRecords(await fromRegistry(registry, records)),
      }),
    endOffsets: (topic) => eventLog.endOffsets(topic),
    partitions: (topic) => eventLog.partitions(topic),
    partitionOf: (topic, key) => eventLog.partitionOf(topic, key),
    async close() {
      // First: batches that wait for it end, and are not committed where they cannot be read.
      registry.close();
      await eventLog.close();
    },
  };
}
