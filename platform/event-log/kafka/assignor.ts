/**
 * Who gets which partitions: partitions of one number stay together over all topics with the same subscribers (so that topics of as many
 * partitions are co-partitioned), members keep what they have as far as that is fair, and what moves is first given to nobody, so
 * that its holder can end its work there before the next one begins (incremental cooperative rebalancing, KIP-429).
 */
import { createReader, createWriter } from './wire/bytes.ts';

export const PROTOCOL = 'countersign-cooperative';
const VERSION = 1;

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface MemberView {
  readonly id: string;
  readonly topics: readonly string[];
  readonly owned: readonly TopicPartition[];
  /** In which generation it got them: of two who claim a partition the later one is right. */
  readonly generation: number;
}

/** ConsumerProtocolSubscription, version 1, with the generation as user data. */
export function encodeSubscription(view: Omit<MemberView, 'id'>): Buffer {
  const generation = Buffer.alloc(4);
  generation.writeInt32BE(view.generation);
  const body = createWriter();
  body.int16(VERSION);
  body.array(view.topics, (topic) => body.string(topic));
  body.bytes(generation);
  writePartitions(body, view.owned);
  return body.done();
}

export function decodeSubscription(id: string, bytes: Buffer): MemberView {
  const body = createReader(bytes);
  body.int16();
  const topics = body.array(() => body.string()!);
  const generation = body.bytes().readInt32BE();
  return { id, topics, generation, owned: readPartitions(body) };
}

/** ConsumerProtocolAssignment, version 1. */
export function encodeAssignment(partitions: readonly TopicPartition[]): Buffer {
  const body = createWriter();
  body.int16(VERSION);
  writePartitions(body, partitions);
  body.bytes(Buffer.alloc(0));
  return body.done();
}

export function decodeAssignment(bytes: Buffer): TopicPartition[] {
  if (bytes.length === 0) return [];
  const body = createReader(bytes);
  body.int16();
  return readPartitions(body);
}

function writePartitions(body: ReturnType<typeof createWriter>, partitions: readonly TopicPartition[]): void {
  const byTopic = [...Map.groupBy(partitions, (one) => one.topic)];
  body.array(byTopic, ([topic, ofTopic]) => {
    body.string(topic).array(ofTopic, ({ partition }) => body.int32(partition));
  });
}

function readPartitions(body: ReturnType<typeof createReader>): TopicPartition[] {
  return body
    .array(() => {
      const topic = body.string()!;
      return body.array(() => ({ topic, partition: body.int32() }));
    })
    .flat();
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/** What each member gets now. `partitionsOf`: how many partitions a topic has. */
export function assign(
  members: readonly MemberView[],
  partitionsOf: (topic: string) => number,
): Map<string, TopicPartition[]> {
  const sorted = members.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const owners = new Map<string, MemberView>();
  for (const member of sorted)
    for (const one of member.owned) {
      const other = owners.get(nameOf(one));
      if (other === undefined || other.generation < member.generation) owners.set(nameOf(one), member);
    }
  const result = new Map<string, TopicPartition[]>(sorted.map(({ id }) => [id, []]));
  const topics = [...new Set(sorted.flatMap((member) => member.topics))].sort();
  const classes = Map.groupBy(topics, (topic) =>
    sorted
      .filter((member) => member.topics.includes(topic))
      .map(({ id }) => id)
      .join(' '),
  );
  for (const [, together] of classes) {
    const subscribers = sorted.filter((member) => member.topics.includes(together[0]!));
    const targets = share(subscribers, together, partitionsOf, owners);
    for (const [slot, target] of targets.entries())
      for (const topic of together) {
        if (slot >= partitionsOf(topic)) continue;
        const owner = owners.get(nameOf({ topic, partition: slot }));
        if (owner === undefined || owner.id === target) result.get(target)!.push({ topic, partition: slot });
      }
  }
  return result;
}

/** The member for each partition number. */
function share(
  members: readonly MemberView[],
  topics: readonly string[],
  partitionsOf: (topic: string) => number,
  owners: ReadonlyMap<string, MemberView>,
): string[] {
  const slots = Math.max(...topics.map(partitionsOf));
  const least = Math.floor(slots / members.length);
  /** So many members get one more. */
  let larger = slots % members.length;
  const targets = Array.from({ length: slots }, (): string | undefined => undefined);
  const held = new Map<string, number[]>(members.map(({ id }) => [id, []]));
  for (let slot = 0; slot < slots; slot += 1) {
    const owner = topics
      .map((topic) => owners.get(nameOf({ topic, partition: slot })))
      .find((one) => one !== undefined && held.has(one.id));
    if (owner !== undefined) held.get(owner.id)!.push(slot);
  }
  const room = new Map<string, number>();
  for (const [id, mine] of [...held].sort(([, one], [, other]) => other.length - one.length)) {
    const keeps = mine.length > least && larger > 0 ? least + 1 : least;
    if (keeps > least) larger -= 1;
    for (const slot of mine.slice(0, keeps)) targets[slot] = id;
    room.set(id, keeps - Math.min(mine.length, keeps));
  }
  for (const { id } of members) {
    if (larger === 0) break;
    if (held.get(id)!.length <= least) {
      room.set(id, room.get(id)! + 1);
      larger -= 1;
    }
  }
  const free = members.flatMap(({ id }) => Array.from({ length: room.get(id)! }, () => id));
  return targets.map((target) => target ?? free.shift()!);
}
