import { join } from 'node:path';
import type { EventLogConfig } from '../../../schemas/config/event-log.ts';
import type { Clock, Random } from '../../clock/clock.ts';
import type { Disk } from '../../disk/disk.ts';
import type { CountersignError } from '../../errors/errors.ts';
import type { Logger } from '../../log/log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { eventLogError } from '../errors.ts';
import type { Consumer, EventLog, Reader } from '../event-log.ts';
import { partitionFor } from '../partitioner.ts';
import { createConsumer } from './consumer.ts';
import { createGroup, type Group } from './group.ts';
import { openKeyedJournal } from './keyed-journal.ts';
import { createMaintenance } from './maintenance.ts';
import { createCommittedOffsets } from './offsets.ts';
import { createReader } from './reader.ts';
import { openLogFolder } from './topic-files.ts';
import { openTopics } from './topic-registry.ts';
import { openWriter } from './writer.ts';

export interface EmbeddedEventLogDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  /** For the log's salt, once. */
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Hears of each damaged place once (EVENT_LOG_CORRUPT): reading goes on behind it, but somebody should know. */
  onCorrupt?(error: CountersignError): void;
}

export interface EmbeddedEventLog extends EventLog {
  /** Runs retention and compaction now; otherwise they run every `maintenancePeriodMs`. */
  maintain(): Promise<void>;
}

/**
 * The event log of one machine, in `config.folder`. One process at a time may have it open. Reads back what a crash left: torn tails
 * are cut, damage is isolated. Throws EVENT_LOG_FORMAT for a folder it cannot read.
 */
export function createEmbeddedEventLog(deps: EmbeddedEventLogDeps, config: EventLogConfig): EmbeddedEventLog {
  const { disk, clock, log, metrics } = deps;
  const folder = config.folder;
  const salt = openLogFolder(disk, folder, deps.random);
  const corruptRanges = metrics.counter(
    'countersign_event_log_corrupt_ranges_total',
    'Damaged places met in segment files.',
    ['topic'],
  );
  const topics = openTopics(disk, folder, {
    disk,
    clock,
    salt,
    config,
    onDamage(segment, damage) {
      const [partition, topic] = segment.path.split('/').slice(-3, -1).toReversed();
      const error = eventLogError('EVENT_LOG_CORRUPT', {
        file: segment.path,
        topic: topic!,
        partition: partition!,
        fromByte: damage.fromByte,
        toByte: damage.toByte,
        fromOffset: damage.fromOffset,
        toOffset: damage.toOffset - 1,
      });
      corruptRanges.add(1, { topic: topic! });
      log.error({ error }, 'damaged place in an event log segment');
      deps.onCorrupt?.(error);
    },
    onTorn(segment, tornBytes) {
      log.warn({ file: segment.path, tornBytes }, 'torn tail of an event log segment cut off');
    },
  });
  const epochs = openKeyedJournal(disk, join(folder, 'writers.journal'), salt);
  const offsetsJournal = openKeyedJournal(disk, join(folder, 'offsets.journal'), salt);
  const offsets = createCommittedOffsets(offsetsJournal, config.flush, topics, log);
  const groups = new Map<string, Group>();
  const consumers = new Set<Consumer>();
  const readers = new Set<Reader>();
  const maintenance = createMaintenance({ disk, clock, log, salt, config, topics });
  let closing: Promise<void> | undefined;

  const checkOpen = (): void => {
    if (closing !== undefined) throw eventLogError('EVENT_LOG_CLOSED');
  };
  const writerDeps = {
    topics,
    epochs,
    config,
    checkOpen,
    appendedRecords: metrics.counter(
      'countersign_event_log_appended_records_total',
      'Records appended to the embedded event log.',
      ['topic'],
    ),
    appendedBytes: metrics.counter(
      'countersign_event_log_appended_bytes_total',
      'Bytes appended to the embedded event log.',
    ),
  };
  const close = async (): Promise<void> => {
    await Promise.all([...consumers].map((consumer) => consumer.close()));
    await Promise.all([...readers].map((reader) => reader.close()));
    await maintenance.close();
    for (const topic of topics.all()) for (const partition of topic.partitions) partition.close();
    epochs.close();
    offsetsJournal.close();
  };
  return {
    async ensureTopics(wanted) {
      checkOpen();
      for (const topic of wanted) topics.ensure(topic);
    },
    async writer(name) {
      checkOpen();
      return openWriter(writerDeps, name);
    },
    async consume(options) {
      checkOpen();
      for (const topic of options.topics) topics.get(topic);
      let group = groups.get(options.group);
      if (group === undefined) {
        group = createGroup((topic) => topics.get(topic).partitions);
        groups.set(options.group, group);
      }
      let gone = false;
      const consumer = await createConsumer({ log, offsets, group }, options, (ended) => {
        gone = true;
        consumers.delete(ended);
        if (group.size === 0 && groups.get(options.group) === group) groups.delete(options.group);
      });
      if (!gone) consumers.add(consumer);
      return consumer;
    },
    async read(options) {
      checkOpen();
      const { partitions } = topics.get(options.topic);
      const chosen =
        options.partition === undefined ? partitions : partitions.slice(options.partition).slice(0, 1);
      if (chosen.length === 0)
        throw eventLogError('EVENT_LOG_UNKNOWN_PARTITION', {
          topic: options.topic,
          partition: options.partition ?? 0,
        });
      const reader = createReader(chosen, options, (ended) => readers.delete(ended));
      readers.add(reader);
      return reader;
    },
    async endOffsets(topic) {
      checkOpen();
      return topics.get(topic).partitions.map((partition) => partition.endOffset());
    },
    async partitions(topic) {
      checkOpen();
      return topics.get(topic).partitions.length;
    },
    async partitionOf(topic, key) {
      checkOpen();
      return partitionFor(key, topics.get(topic).partitions.length);
    },
    maintain: maintenance.run,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
