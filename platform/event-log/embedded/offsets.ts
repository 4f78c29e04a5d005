import type { KeyedJournal } from './keyed-journal.ts';
import type { TopicRegistry } from './topic-registry.ts';

/** Committed offsets of groups: the next offset to read, for each partition. */
export interface CommittedOffsets {
  get(group: string, topic: string, partition: number): number | undefined;
  /** Resolves when durable. */
  commit(group: string, topic: string, partition: number, next: number): Promise<void> | undefined;
}

export function createCommittedOffsets(
  journal: KeyedJournal,
  flush: 'process' | 'power',
  topics: TopicRegistry,
): CommittedOffsets {
  // After a power cut the log may end before what was committed; what is appended there next must not be passed over.
  for (const topic of topics.all())
    for (const partition of topic.partitions)
      for (const [key, next] of journal.entries())
        if (key.startsWith(`${partition.topic}/${partition.partition}/`) && next > partition.endOffset())
          journal.set(key, partition.endOffset());
  const name = (group: string, topic: string, partition: number): string => `${topic}/${partition}/${group}`;
  return {
    get: (group, topic, partition) => journal.get(name(group, topic, partition)),
    commit(group, topic, partition, next) {
      const key = name(group, topic, partition);
      if (journal.get(key) === next) return undefined;
      journal.set(key, next);
      return flush === 'power' ? journal.flush() : undefined;
    },
  };
}
