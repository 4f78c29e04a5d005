/** Dead letters by their ids, from the log: the index holds only the beginning of a record, and is written by fewer hands than trust needs. */
import { TOPICS } from '../../schemas/topics.ts';
import type { Codec } from '../../schemas/codec.ts';
import { deadLetterId } from '../../schemas/ecs/dead-letter.ts';
import type { DeadLetter } from '../../schemas/types.ts';
import type { EventLog } from '../event-log/event-log.ts';
import { readThrough } from './read-through.ts';

/** Topic that a dead letter is about: the first part of its id (TOPIC/PARTITION/OFFSET/STAGE). */
export const topicOfLetter = (id: string): string => id.split('/', 1)[0]!;

type Deps = { readonly eventLog: EventLog; readonly codec: Codec<DeadLetter> };

/** The newest letters, each id once, newest first; at most `max`. Reads the whole topic: for when the index has them not. */
export async function newestLetters(
  { eventLog, codec }: Deps,
  wanted: (letter: DeadLetter) => boolean,
  max: number,
): Promise<DeadLetter[]> {
  const topic = TOPICS.deadLetters.name;
  let held = new Map<string, DeadLetter>();
  const cut = (): DeadLetter[] =>
    [...held.values()].toSorted((one, other) => other.time - one.time).slice(0, max);
  for (let partition = 0; partition < (await eventLog.partitions(topic)); partition += 1)
    await readThrough(eventLog, { topic, partition }, ({ value }) => {
      const read = value === null ? undefined : codec.decode(value);
      if (read?.ok !== true || !wanted(read.value)) return false;
      held.set(deadLetterId(read.value), read.value);
      if (held.size > 2 * max) held = new Map(cut().map((letter) => [deadLetterId(letter), letter]));
      return false;
    });
  return cut();
}

/** The newest letter of each id; those that are not there (any more) are missing. Reads whole partitions: costly. */
export async function findLetters(
  { eventLog, codec }: Deps,
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
