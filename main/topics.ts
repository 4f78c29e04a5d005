/** The topics as the event log must have them. */
import type { TopicOptions } from '../platform/event-log/event-log.ts';
import { TOPICS, type TopicDefinition } from '../schemas/topics.ts';

const DAY_MS = 86_400_000;
/** The search index keeps longer; the log must outlive the longest outage of its consumers. */
const RETENTION_MS = 7 * DAY_MS;
const MINUTES_MS = 10 * 60_000;

export function topicOptions(partitionsCount: number): TopicOptions[] {
  return (Object.values(TOPICS) as TopicDefinition[]).map(({ name, partitions, cleanup }) => ({
    name,
    partitions: partitions === 'single' ? 1 : partitionsCount,
    cleanup: cleanup === 'compact' ? 'compact' : 'delete',
    ...(cleanup === 'compact' ? {} : { retentionMs: cleanup === 'minutes' ? MINUTES_MS : RETENTION_MS }),
  }));
}
