import type { EventLogConfig } from '../../../schemas/config/event-log.ts';
import type { Counter } from '../../metrics/metrics.ts';
import { eventLogError } from '../errors.ts';
import type { LogWriter, NewRecord, Position } from '../event-log.ts';
import { frameBytes } from '../frame.ts';
import { partitionFor } from '../partitioner.ts';
import { diskError } from './disk-error.ts';
import type { KeyedJournal } from './keyed-journal.ts';
import type { RecordContent } from './partition.ts';
import type { Topic, TopicRegistry } from './topic-registry.ts';

export interface WriterDeps {
  readonly topics: TopicRegistry;
  /** Epoch of each writer name; the highest one may append. */
  readonly epochs: KeyedJournal;
  readonly config: EventLogConfig;
  readonly appendedRecords: Counter;
  readonly appendedBytes: Counter;
  /** Throws once the log is closed. */
  checkOpen(): void;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});
const HEADER_NAME_BYTES_MAX = 65_535;

function partitionOfRecord(topic: Topic, record: NewRecord): number {
  const count = topic.partitions.length;
  if (record.partition !== undefined) {
    if (!Number.isInteger(record.partition) || record.partition < 0 || record.partition >= count)
      throw eventLogError('EVENT_LOG_UNKNOWN_PARTITION', {
        topic: topic.options.name,
        partition: record.partition,
      });
    return record.partition;
  }
  if (record.key !== null) return partitionFor(record.key, count);
  topic.spread = (topic.spread + 1) % count;
  return topic.spread;
}

/** Opens a writer by name: its epoch is on disk before it is returned, and all earlier ones of that name are fenced. */
export async function openWriter(deps: WriterDeps, name: string): Promise<LogWriter> {
  const { epochs, config } = deps;
  const epoch = (epochs.get(name) ?? 0) + 1;
  try {
    epochs.set(name, epoch);
    if (config.flush === 'power') await epochs.flush();
  } catch (error) {
    throw diskError(error, 'of writers');
  }
  let closed = false;

  const prepare = (topic: Topic, record: NewRecord): { content: RecordContent; bytes: number } => {
    const content = { key: record.key, value: record.value, headers: record.headers ?? NO_HEADERS };
    const bytes = frameBytes(content);
    if (bytes > config.recordBytesMax)
      throw eventLogError('EVENT_LOG_RECORD_TOO_LARGE', {
        topic: topic.options.name,
        bytes,
        bytesMax: config.recordBytesMax,
      });
    for (const header in content.headers)
      if (Buffer.byteLength(header) > HEADER_NAME_BYTES_MAX)
        throw eventLogError('EVENT_LOG_RECORD_TOO_LARGE', {
          topic: topic.options.name,
          bytes: Buffer.byteLength(header),
          bytesMax: HEADER_NAME_BYTES_MAX,
        });
    return { content, bytes };
  };
  return {
    async append(topicName, records) {
      deps.checkOpen();
      if (closed) throw eventLogError('EVENT_LOG_CLOSED');
      if (epochs.get(name) !== epoch) throw eventLogError('EVENT_LOG_FENCED', { writer: name });
      const topic = deps.topics.get(topicName);
      const targets: number[] = [];
      const byPartition = new Map<number, RecordContent[]>();
      let bytesAll = 0;
      for (const record of records) {
        const { content, bytes } = prepare(topic, record);
        bytesAll += bytes;
        const partition = partitionOfRecord(topic, record);
        targets.push(partition);
        const group = byPartition.get(partition);
        if (group === undefined) byPartition.set(partition, [content]);
        else group.push(content);
      }
      const next = new Map<number, number>();
      const waiting: Promise<void>[] = [];
      try {
        for (const [partition, contents] of byPartition) {
          const { first, durable } = topic.partitions[partition]!.append(contents);
          next.set(partition, first);
          if (durable !== undefined) waiting.push(durable);
        }
      } finally {
        // Also when a later partition refused: nobody else would hear of a failed flush of the earlier ones.
        if (waiting.length > 0) await Promise.all(waiting);
      }
      deps.appendedBytes.add(bytesAll);
      deps.appendedRecords.add(records.length, { topic: topicName });
      return targets.map((partition): Position => {
        const offset = next.get(partition)!;
        next.set(partition, offset + 1);
        return { topic: topicName, partition, offset };
      });
    },
    async close() {
      closed = true;
    },
  };
}
