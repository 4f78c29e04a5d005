import type { Logger } from '../../log/log.ts';
import { isFull } from './disk-error.ts';
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
  log: Logger,
): CommittedOffsets {
  // After a power cut the log may end before what was committed; what is appended there next must not be passed over.
  for (const topic of topics.all())
    for (const partition of topic.partitions)
      for (const [key, next] of journal.entries())
        if (key.startsWith(`${partition.topic}/${partition.partition}/`) && next > partition.endOffset())
          journal.set(key, partition.endOffset());
  const name = (group: string, topic: string, partition: number): string => `${topic}/${partition}/${group}`;
  /** What a full disk did not take: in force in this process, written with the next commit that finds room. */
  const unsaved = new Map<string, number>();
  const get = (key: string): number | undefined => unsaved.get(key) ?? journal.get(key);
  const save = (): void => {
    try {
      for (const [key, next] of unsaved) {
        journal.set(key, next);
        unsaved.delete(key);
      }
    } catch (error) {
      // Consumers go on: after a restart they get again what could not be noted, which they expect anyway.
      if (!isFull(error)) throw error;
      log.warn({ error, unsaved: unsaved.size }, 'disk full: committed offsets are kept in memory only');
    }
  };
  return {
    get: (group, topic, partition) => get(name(group, topic, partition)),
    commit(group, topic, partition, next) {
      const key = name(group, topic, partition);
      if (get(key) === next) return undefined;
      unsaved.set(key, next);
      save();
      return flush === 'power' ? journal.flush() : undefined;
    },
  };
}
