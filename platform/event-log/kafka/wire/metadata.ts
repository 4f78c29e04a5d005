import { createReader, createWriter } from './bytes.ts';
import type { Address, Channel } from './channel.ts';
import { check } from './error-codes.ts';

const METADATA = { key: 3, name: 'Metadata' };
const FIND_COORDINATOR = { key: 10, name: 'GroupCoordinator' };

export interface PartitionMetadata {
  readonly partition: number;
  /** -1 where none leads. */
  readonly leader: number;
  readonly replicas: readonly number[];
}

export interface TopicMetadata {
  readonly name: string;
  readonly code: number;
  /** By number. */
  readonly partitions: readonly PartitionMetadata[];
}

export interface ClusterMetadata {
  readonly brokers: ReadonlyMap<number, Address>;
  readonly topics: readonly TopicMetadata[];
}

/** Metadata, version 5. Never creates a topic. */
export async function fetchMetadata(channel: Channel, topics: readonly string[]): Promise<ClusterMetadata> {
  const body = createWriter();
  body.array(topics, (topic) => body.string(topic)).boolean(false);
  const answer = createReader(await channel.send({ api: METADATA, version: 5, body: body.done() }));
  answer.int32();
  const brokers = answer.array(() => {
    const id = answer.int32();
    const address = { host: answer.string()!, port: answer.int32() };
    answer.string();
    return [id, address] as const;
  });
  answer.string();
  answer.int32();
  const found = answer.array(() => {
    const code = answer.int16();
    const name = answer.string()!;
    answer.boolean();
    const partitions = answer.array(() => {
      answer.int16();
      const partition = answer.int32();
      const leader = answer.int32();
      const replicas = answer.array(() => answer.int32());
      answer.array(() => answer.int32());
      answer.array(() => answer.int32());
      return { partition, leader, replicas };
    });
    return { name, code, partitions: partitions.sort((one, other) => one.partition - other.partition) };
  });
  return { brokers: new Map(brokers), topics: found };
}

/** FindCoordinator, version 1: the broker that keeps a group or the state of a transactional id. */
export async function findCoordinator(
  channel: Channel,
  kind: 'group' | 'transaction',
  name: string,
): Promise<{ readonly id: number } & Address> {
  const body = createWriter();
  body.string(name).int8(kind === 'group' ? 0 : 1);
  const answer = createReader(await channel.send({ api: FIND_COORDINATOR, version: 1, body: body.done() }));
  answer.int32();
  const code = answer.int16();
  answer.string();
  check(code, `coordinator of ${kind} ${name}`);
  return { id: answer.int32(), host: answer.string()!, port: answer.int32() };
}
