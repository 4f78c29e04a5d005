import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Counter } from '../../metrics/metrics.ts';
import type { Consumer, ConsumerOptions } from '../event-log.ts';
import type { Cluster } from './cluster.ts';
import { createCommitter, type Committer } from './committer.ts';
import { createConsumerWork } from './consumer-work.ts';
import { createMembership, type Membership } from './membership.ts';

export interface ConsumerDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Logger;
  /** Changes of the group, by group. */
  readonly rebalances: Counter;
}

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
  let paused = false;
  let failure: { readonly error: unknown } | undefined;
  let ended: Promise<void> | undefined;

  const end = async (): Promise<void> => {
    await work.giveUp('all', true);
    await membership.leave();
    // What came in while leaving.
    await work.giveUp('all', false);
    work.close();
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
  const work = createConsumerWork(
    {
      cluster,
      clock,
      log,
      membership: () => membership,
      committer: () => committer,
      paused: () => paused || failure !== undefined,
      ending: () => failure !== undefined || ended !== undefined,
      fail,
    },
    config,
    options,
  );
  const membership: Membership = createMembership({ cluster, clock, log }, config, group, topics, {
    owned: work.owned,
    revoke: (partitions) => work.giveUp(partitions, true),
    assign: work.take,
    async lost() {
      if (work.owned().length > 0) log.warn({ group: options.group }, 'a group went on without this member');
      committer.drop();
      await work.giveUp('all', false);
    },
    rebalanced: () => deps.rebalances.add(1, { group: options.group }),
    failed: fail,
  });
  const committer: Committer = createCommitter({ cluster, clock }, membership);
  const consumer: Consumer = {
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      work.wake();
    },
    lag: work.lag,
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
