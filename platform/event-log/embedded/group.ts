/**
 * A consumer group inside this process. Member i of n (in the order of joining) gets the partitions p with p mod n = i of each topic
 * it subscribes to, so that topics with as many partitions stay together. One rebalance at a time: first what moves is taken away
 * everywhere (batches end, onRevoked is awaited), then it is given (onAssigned is awaited, delivery starts).
 */
import type { Assignment, ConsumerOptions } from '../event-log.ts';
import { createLane, type Lane, type LaneDeps } from './lane.ts';
import type { Partition } from './partition.ts';

export interface Member {
  readonly options: ConsumerOptions;
  readonly lanes: Map<Partition, Lane>;
  readonly laneDeps: LaneDeps;
  /** Stops the consumer on an error; must not wait for the group. */
  fail(error: unknown): void;
}

export interface Group {
  /** Resolves when the member has its partitions. */
  join(member: Member): Promise<void>;
  /** Resolves when the member's partitions are with others. */
  leave(member: Member): Promise<void>;
  readonly size: number;
}

const described = (partitions: readonly Partition[]): Assignment =>
  partitions.map(({ topic, partition }) => ({ topic, partition }));

export function createGroup(partitionsOf: (topic: string) => readonly Partition[]): Group {
  const members = new Set<Member>();
  let queue: Promise<void> = Promise.resolve();

  const wanted = (member: Member): Set<Partition> => {
    const found = new Set<Partition>();
    if (!members.has(member)) return found;
    for (const topic of member.options.topics) {
      const sharing = [...members].filter((other) => other.options.topics.includes(topic));
      const mine = sharing.indexOf(member);
      for (const partition of partitionsOf(topic))
        if (partition.partition % sharing.length === mine) found.add(partition);
    }
    return found;
  };
  const revoke = async (member: Member): Promise<void> => {
    const keep = wanted(member);
    const gone = [...member.lanes.values()].filter((lane) => !keep.has(lane.partition));
    if (gone.length === 0) return;
    await Promise.all(gone.map((lane) => lane.stop()));
    try {
      await member.options.onRevoked?.(described(gone.map((lane) => lane.partition)));
    } catch (error) {
      member.fail(error);
    }
    for (const lane of gone) {
      lane.release();
      member.lanes.delete(lane.partition);
    }
  };
  const assign = async (member: Member): Promise<void> => {
    const fresh = [...wanted(member)].filter((partition) => !member.lanes.has(partition));
    if (fresh.length === 0) return;
    const lanes: Lane[] = [];
    try {
      for (const partition of fresh) {
        const lane = createLane(member.laneDeps, partition);
        lanes.push(lane);
        member.lanes.set(partition, lane);
      }
      await member.options.onAssigned?.(described(fresh), {
        seek(topic, partition, offset) {
          const lane = lanes.find(
            (one) => one.partition.topic === topic && one.partition.partition === partition,
          );
          if (lane === undefined) throw new RangeError(`seek outside the assignment: ${topic}/${partition}`);
          lane.seek(offset);
        },
      });
    } catch (error) {
      member.fail(error);
      return;
    }
    if (members.has(member)) for (const lane of lanes) lane.start();
  };
  const rebalance = (also?: Member): Promise<void> => {
    const run = async (): Promise<void> => {
      const all = also === undefined ? [...members] : [...members, also];
      await Promise.all(all.map(revoke));
      await Promise.all([...members].map(assign));
    };
    queue = queue.then(run, run);
    return queue;
  };
  return {
    join(member) {
      members.add(member);
      return rebalance();
    },
    leave(member) {
      members.delete(member);
      return rebalance(member);
    },
    get size() {
      return members.size;
    },
  };
}
