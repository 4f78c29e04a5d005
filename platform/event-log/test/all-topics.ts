import { TOPICS } from '../../../schemas/topics.ts';
import type { TopicOptions } from '../event-log.ts';

/** Every topic, with so many partitions where it may have more than one; nothing is ever too old to be kept. */
export const allTopics = (partitionsCount: number): TopicOptions[] =>
  Object.values(TOPICS).map(({ name, partitions, cleanup }) => ({
    name,
    partitions: partitions === 'single' ? 1 : partitionsCount,
    cleanup: cleanup === 'compact' ? 'compact' : 'delete',
  }));
