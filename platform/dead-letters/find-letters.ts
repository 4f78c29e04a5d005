/** Dead letters by their ids, from the log: the index holds only the beginning of a record, and is written by fewer hands than trust needs. */
import { TOPICS } from '../../schemas/topics.ts';
import type { Codec } from '../../schemas/codec.ts';
import { deadLetterId } from '../../schemas/ecs/dead-letter.ts';
import type { DeadLetter } from '../../schemas/types.ts';
import type { EventLog } from '../event-log/event-log.ts';
import { readThrough } from './read-through.ts';

/** Topic that a dead letter is about: the first part of its id (TOPIC/PARTITION/OFFSET/STAGE). */
export const topicOfLetter = (id: string): string => id.split('/', 1)[0]!;

/** The newest letter of each id; those that are not there (any more) are missing. Reads whole partitions: costly. */
export async function findLetters(
  { eventLog, codec }: { readonly eventLog: EventLog; readonly codec: Codec<DeadLetter> },
  ids: readonly string[],
): Promise<ReadonlyMap<string, DeadLetter>> {
  const topic = TOPICS.deadLetters.name;
  const partitions = new Map<number, Set<string>>();
  for (const id of ids) {
    const partition = await eventLog.partitionOf(topic, topicOfLetter(id));
    partitions.set(partition, (partitions.get(partition) ?? new Set()).add(id));
  }
  const found = new Map<string, DeadLetter>();
  for (const [partition, wanted] of partitions)
    await readThrough(eventLog, { topic, partition }, ({ value }) => {
      const read = value === null ? undefined : codec.decode(value);
      if (read?.ok !== true) return false;
      const id = deadLetterId(read.value);
      if (wanted.has(id)) found.set(id, read.value);
      return false;
    });
  return found;
}
