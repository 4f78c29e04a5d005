import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Counter } from '../../metrics/metrics.ts';
import type { Assignment, Consumer, ConsumerOptions } from '../event-log.ts';
import type { TopicPartition } from './assignor.ts';
import { createChannels } from './channels.ts';
import type { Cluster } from './cluster.ts';
import { createCommitter } from './committer.ts';
import { createConsumerLane, type ConsumerLane } from './consumer-lane.ts';
import { createFetchLane } from './fetch-lane.ts';
import { createFetcher } from './fetcher.ts';
import { createMembership } from './membership.ts';
import { offsetsAt } from './offsets.ts';
import { fetchOffsets } from './wire/group.ts';

export interface ConsumerDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Logger;
  /** Changes of the group, by group. */
  readonly rebalances: Counter;
}

/** A consumer that ends while the brokers are away does not wait longer for its last commit. */
const LAST_COMMIT_MS = 5000;

/** Joins the group; resolves when the first partitions are there and delivery runs. `onEnd` is called once when it has left. */
export async function createConsumer(
  deps: ConsumerDeps,
  config: KafkaConfig,
  options: ConsumerOptions,
  onEnd: (consumer: Consumer) => void,
): Promise<Consumer> {
  const { cluster, clock, log } = deps;
  const group = config.prefix + options.group;
  const topics = options.topics.map((topic) => config.prefix + topic);
  for (const topic of topics) await cluster.partitions(topic);
  const fetcher = createFetcher({ cluster, clock, log }, config);
  const asking = createChannels(cluster.transport);
  const lanes = new Map<string, ConsumerLane>();
  /** Those whose work is being ended, also by somebody else: each is told once. At most what is assigned: max one per lane. */
  const going = new Map<ConsumerLane, Promise<void>>();
  let paused = false;
  let failure: { readonly error: unknown } | undefined;
  let ended: Promise<void> | undefined;

  const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
  const own = (topic: string): string => topic.slice(config.prefix.length);
  const described = (some: readonly ConsumerLane[]): Assignment =>
    some.map(({ fetch: { topic, partition } }) => ({ topic, partition }));

  /** Ends the work on these lanes. `keep`: what is done is committed before they go. */
  const giveUp = async (some: readonly ConsumerLane[], keep: boolean): Promise<void> => {
    const gone = some.filter((lane) => !going.has(lane));
    const others = some.flatMap((lane) => going.get(lane) ?? []);
    const done = endWork(gone, keep);
    for (const lane of gone) going.set(lane, done);
    await Promise.all([done, ...others]);
    for (const lane of gone) going.delete(lane);
  };
  const endWork = async (gone: readonly ConsumerLane[], keep: boolean): Promise<void> => {
    if (gone.length === 0) return;
    if (!keep) for (const lane of gone) lane.release();
    fetcher.remove(gone.map((lane) => lane.fetch));
    await Promise.all(gone.map((lane) => lane.stop()));
    try {
      await options.onRevoked?.(described(gone));
    } catch (error) {
      fail(error);
    }
    if (keep) await committer.flush(ended === undefined ? config.rebalanceTimeoutMs : LAST_COMMIT_MS);
    for (const lane of gone) {
      lane.release();
      lanes.delete(nameOf({ topic: lane.fetch.kafkaTopic, partition: lane.fetch.partition }));
    }
  };
  /** Where each partition begins: its committed offset, or the start or end of the log, which then is committed. */
  const beginnings = async (partitions: readonly TopicPartition[]): Promise<Map<string, number>> => {
    const found = await cluster.call(async () => {
      try {
        return await fetchOffsets(await membership.coordinator(), group, partitions);
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
      await Promise.all(without.map((one) => committer.commit({ ...one, offset: begin.get(nameOf(one))! })));
    return begin;
  };
  const take = async (partitions: readonly TopicPartition[]): Promise<void> => {
    const begin = await beginnings(partitions);
    const fresh = partitions.map(({ topic: kafkaTopic, partition }) => {
      const from = begin.get(nameOf({ topic: kafkaTopic, partition }))!;
      const name = { kafkaTopic, topic: own(kafkaTopic), partition };
      return createConsumerLane(laneDeps, createFetchLane(name, from, config.partitionBufferBytesMax), from);
    });
    for (const lane of fresh)
      lanes.set(nameOf({ topic: lane.fetch.kafkaTopic, partition: lane.fetch.partition }), lane);
    try {
      await options.onAssigned?.(described(fresh), {
        seek(topic, partition, offset) {
          const lane = fresh.find(({ fetch }) => fetch.topic === topic && fetch.partition === partition);
          if (lane === undefined) throw new RangeError(`seek outside the assignment: ${topic}/${partition}`);
          lane.seek(offset);
        },
      });
    } catch (error) {
      fail(error);
      return;
    }
    if (failure !== undefined || ended !== undefined) return;
    for (const lane of fresh) lane.start();
    fetcher.add(fresh.map((lane) => lane.fetch));
  };
  const membership = createMembership({ cluster, clock, log }, config, group, topics, {
    owned: () =>
      [...lanes.values()].map(({ fetch }) => ({ topic: fetch.kafkaTopic, partition: fetch.partition })),
    revoke: (partitions) =>
      giveUp(
        partitions.flatMap((one) => lanes.get(nameOf(one)) ?? []),
        true,
      ),
    assign: take,
    async lost() {
      if (lanes.size > 0) log.warn({ group: options.group }, 'a group went on without this member');
      committer.drop();
      await giveUp([...lanes.values()], false);
    },
    rebalanced: () => deps.rebalances.add(1, { group: options.group }),
    failed: (error) => fail(error),
  });
  const committer = createCommitter({ cluster, clock }, membership);

  const end = async (): Promise<void> => {
    await giveUp([...lanes.values()], true);
    await membership.leave();
    // What came in while leaving.
    await giveUp([...lanes.values()], false);
    fetcher.close();
    asking.close();
    onEnd(consumer);
  };
  const fail = (error: unknown): void => {
    if (failure !== undefined) return;
    failure = { error };
    log.error({ error, group: options.group, topics: options.topics }, 'consumer stopped on an error');
    // Not at once: whoever failed may be what the end waits for.
    const leaving = (ended ??= Promise.resolve().then(end));
    leaving
      .then(() => options.onFailure(error))
      .catch((second: unknown) => {
        log.error({ error: second, group: options.group }, 'failure handler of a consumer failed');
      });
  };
  const laneDeps = {
    options,
    committer,
    paused: () => paused || failure !== undefined,
    failed: fail,
    taken: () => fetcher.wake(),
  };
  const consumer: Consumer = {
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      for (const lane of lanes.values()) lane.wake();
    },
    async lag() {
      await committer.flush(LAST_COMMIT_MS);
      let total = 0;
      const byTopic = Map.groupBy(lanes.values(), ({ fetch }) => fetch.kafkaTopic);
      for (const [topic, ofTopic] of byTopic) {
        const numbers = ofTopic.map(({ fetch }) => fetch.partition);
        const ends = await offsetsAt(cluster, asking, topic, numbers, 'end');
        for (const lane of ofTopic) total += lane.lag(ends.get(lane.fetch.partition) ?? 0);
      }
      return total;
    },
    close() {
      ended ??= end();
      return ended;
    },
  };
  try {
    await membership.start();
  } catch (error) {
    await consumer.close();
    throw error;
  }
  return consumer;
}
