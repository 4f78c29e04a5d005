import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Assignment, ConsumerOptions } from '../event-log.ts';
import type { TopicPartition } from './assignor.ts';
import { createChannels } from './channels.ts';
import type { Cluster } from './cluster.ts';
import type { Committer } from './committer.ts';
import { createConsumerLane, type ConsumerLane } from './consumer-lane.ts';
import { createFetchLane } from './fetch-lane.ts';
import { createFetcher } from './fetcher.ts';
import type { Membership } from './membership.ts';
import { offsetsAt } from './offsets.ts';
import { fetchOffsets } from './wire/group.ts';

/** A member's work on the partitions that it has. */
export interface ConsumerWork {
  owned(): TopicPartition[];
  /** Begins on these: finds out where, lets `onAssigned` prepare, delivers. */
  take(partitions: readonly TopicPartition[]): Promise<void>;
  /** Ends on these, or on all: batches end, `onRevoked` is awaited. `keep`: what is done is committed before they go. */
  giveUp(partitions: readonly TopicPartition[] | 'all', keep: boolean): Promise<void>;
  /** Delivery may go on. */
  wake(): void;
  lag(): Promise<number>;
  close(): void;
}

export interface ConsumerWorkDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Logger;
  membership(): Membership;
  committer(): Committer;
  paused(): boolean;
  /** The consumer is ending: nothing new begins. */
  ending(): boolean;
  fail(error: unknown): void;
}

/** A consumer that ends while the brokers are away does not wait longer for its last commit. */
const LAST_COMMIT_MS = 5000;

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
const placeOf = ({ fetch }: ConsumerLane): TopicPartition => ({
  topic: fetch.kafkaTopic,
  partition: fetch.partition,
});
const described = (some: readonly ConsumerLane[]): Assignment =>
  some.map(({ fetch: { topic, partition } }) => ({ topic, partition }));

export function createConsumerWork(
  deps: ConsumerWorkDeps,
  config: KafkaConfig,
  options: ConsumerOptions,
): ConsumerWork {
  const { cluster, clock, log } = deps;
  const fetcher = createFetcher({ cluster, clock, log }, config);
  const asking = createChannels(cluster.transport);
  const lanes = new Map<string, ConsumerLane>();
  /** Those whose work is being ended, also by somebody else: each is told once. At most what is assigned: max one per lane. */
  const going = new Map<ConsumerLane, Promise<void>>();

  const endWork = async (gone: readonly ConsumerLane[], keep: boolean): Promise<void> => {
    if (gone.length === 0) return;
    if (!keep) for (const lane of gone) lane.release();
    fetcher.remove(gone.map((lane) => lane.fetch));
    await Promise.all(gone.map((lane) => lane.stop()));
    try {
      await options.onRevoked?.(described(gone));
    } catch (error) {
      deps.fail(error);
    }
    if (keep) await deps.committer().flush(deps.ending() ? LAST_COMMIT_MS : config.rebalanceTimeoutMs);
    for (const lane of gone) {
      lane.release();
      lanes.delete(nameOf(placeOf(lane)));
    }
  };
  /** Where each partition begins: its committed offset, or the start or end of the log; the end is committed at once. */
  const beginnings = async (partitions: readonly TopicPartition[]): Promise<Map<string, number>> => {
    const membership = deps.membership();
    const found = await cluster.call(async () => {
      try {
        const channel = await membership.coordinator();
        return await fetchOffsets(channel, membership.identity().group, partitions);
      } catch (error) {
        membership.forgetCoordinator();
        throw error;
      }
    });
    const begin = new Map<string, number>();
    for (const one of found) if (one.offset >= 0) begin.set(nameOf(one), one.offset);
    const without = partitions.filter((one) => !begin.has(nameOf(one)));
    const at = options.startAt === 'earliest' ? 'start' : 'end';
    for (const [topic, ofTopic] of Map.groupBy(without, (one) => one.topic)) {
      const numbers = ofTopic.map(({ partition }) => partition);
      const offsets = await offsetsAt(cluster, asking, topic, numbers, at);
      for (const [partition, offset] of offsets) begin.set(nameOf({ topic, partition }), offset);
    }
    // A group that starts at the end has its place from now on, also if it stops before its first commit.
    if (at === 'end')
      await Promise.all(
        without.map((one) => deps.committer().commit({ ...one, offset: begin.get(nameOf(one))! })),
      );
    return begin;
  };
  const makeLane = ({ topic: kafkaTopic, partition }: TopicPartition, from: number): ConsumerLane => {
    const name = { kafkaTopic, topic: kafkaTopic.slice(config.prefix.length), partition };
    const lane = createConsumerLane(
      {
        options,
        committer: deps.committer(),
        paused: deps.paused,
        failed: deps.fail,
        taken: () => fetcher.wake(),
      },
      createFetchLane(name, from, config.partitionBufferBytesMax),
      from,
    );
    lanes.set(nameOf(placeOf(lane)), lane);
    return lane;
  };
  return {
    owned: () => [...lanes.values()].map(placeOf),
    async take(partitions) {
      const begin = await beginnings(partitions);
      const fresh = partitions.map((one) => makeLane(one, begin.get(nameOf(one))!));
      try {
        await options.onAssigned?.(described(fresh), {
          seek(topic, partition, offset) {
            const lane = fresh.find(({ fetch }) => fetch.topic === topic && fetch.partition === partition);
            if (lane === undefined)
              throw new RangeError(`seek outside the assignment: ${topic}/${partition}`);
            lane.seek(offset);
          },
        });
      } catch (error) {
        deps.fail(error);
        return;
      }
      if (deps.ending()) return;
      for (const lane of fresh) lane.start();
      fetcher.add(fresh.map((lane) => lane.fetch));
    },
    async giveUp(partitions, keep) {
      const some =
        partitions === 'all'
          ? [...lanes.values()]
          : partitions.flatMap((one) => lanes.get(nameOf(one)) ?? []);
      const gone = some.filter((lane) => !going.has(lane));
      const others = some.flatMap((lane) => going.get(lane) ?? []);
      const done = endWork(gone, keep);
      for (const lane of gone) going.set(lane, done);
      await Promise.all([done, ...others]);
      for (const lane of gone) going.delete(lane);
    },
    wake() {
      for (const lane of lanes.values()) lane.wake();
    },
    async lag() {
      await deps.committer().flush(LAST_COMMIT_MS);
      let total = 0;
      for (const [topic, ofTopic] of Map.groupBy(lanes.values(), ({ fetch }) => fetch.kafkaTopic)) {
        const numbers = ofTopic.map(({ fetch }) => fetch.partition);
        const ends = await offsetsAt(cluster, asking, topic, numbers, 'end');
        for (const lane of ofTopic) total += lane.lag(ends.get(lane.fetch.partition) ?? 0);
      }
      return total;
    },
    close() {
      fetcher.close();
      asking.close();
    },
  };
}
