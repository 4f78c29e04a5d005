import { join } from 'node:path';
import type { Disk } from '../../disk/disk.ts';
import { eventLogError } from '../errors.ts';
import type { TopicOptions } from '../event-log.ts';
import { diskError } from './disk-error.ts';
import { createPartition, type Partition, type PartitionDeps } from './partition.ts';
import { findTopics, saveTopic } from './topic-files.ts';

export interface Topic {
  options: TopicOptions;
  readonly partitions: readonly Partition[];
  /** Next partition for a record without a key. */
  spread: number;
}

/** The topics of a log, opened. */
export interface TopicRegistry {
  get(name: string): Topic;
  ensure(options: TopicOptions): void;
  all(): IterableIterator<Topic>;
}

const PARTITIONS_MAX = 1024;

function check(options: TopicOptions): void {
  const { name, partitions } = options;
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/.test(name))
    throw eventLogError('EVENT_LOG_TOPIC_INVALID', { topic: name, reason: 'its name is not valid' });
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX)
    throw eventLogError('EVENT_LOG_TOPIC_INVALID', {
      topic: name,
      reason: `it has ${partitions} partitions`,
    });
}

export function openTopics(disk: Disk, folder: string, deps: PartitionDeps): TopicRegistry {
  const topics = new Map<string, Topic>();
  const add = (options: TopicOptions): void => {
    const at = join(folder, 'topics', options.name);
    const partitions = Array.from({ length: options.partitions }, (_, number) =>
      createPartition(deps, options, number, join(at, String(number))),
    );
    disk.syncFolder(at);
    topics.set(options.name, { options, partitions, spread: 0 });
  };
  for (const options of findTopics(disk, folder)) add(options);
  return {
    get(name) {
      const topic = topics.get(name);
      if (topic === undefined) throw eventLogError('EVENT_LOG_UNKNOWN_TOPIC', { topic: name });
      return topic;
    },
    ensure(wanted) {
      check(wanted);
      const topic = topics.get(wanted.name);
      if (topic === undefined) {
        try {
          saveTopic(disk, folder, wanted);
          add(wanted);
        } catch (error) {
          throw diskError(error, wanted.name);
        }
        return;
      }
      const { options } = topic;
      if (options.partitions < wanted.partitions || options.cleanup !== wanted.cleanup)
        throw eventLogError('EVENT_LOG_TOPIC_MISMATCH', {
          topic: wanted.name,
          actual: `${options.partitions} partitions and cleanup ${options.cleanup}`,
          wanted: `${wanted.partitions} partitions and cleanup ${wanted.cleanup}`,
        });
      if (options.retentionMs === wanted.retentionMs && options.retentionBytes === wanted.retentionBytes)
        return;
      const changed: TopicOptions = { ...wanted, partitions: options.partitions };
      saveTopic(disk, folder, changed);
      topic.options = changed;
    },
    all: () => topics.values(),
  };
}
