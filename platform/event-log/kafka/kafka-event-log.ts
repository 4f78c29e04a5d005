import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock, Random } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { eventLogError } from '../errors.ts';
import type { Consumer, EventLog, Reader, ReadOptions } from '../event-log.ts';
import { partitionFor } from '../partitioner.ts';
import { createChannels } from './channels.ts';
import { createCluster } from './cluster.ts';
import { createConsumer } from './consumer.ts';
import { createFetcher } from './fetcher.ts';
import { offsetsAt } from './offsets.ts';
import { createReader } from './reader.ts';
import { transportOptions, type ReadSecret } from './security.ts';
import { ensureTopics } from './topics.ts';
import { createTransport } from './transport/create-transport.ts';
import type { Transport } from './wire/channel.ts';
import { createWriters } from './writers.ts';

export interface KafkaEventLogDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly readSecret: ReadSecret;
}

/**
 * The event log on Kafka (2.4 or later; tried with 4.4). Resolves when a broker has answered. Errors: EVENT_LOG_UNREACHABLE,
 * EVENT_LOG_LOGIN_REFUSED, EVENT_LOG_NOT_ALLOWED, EVENT_LOG_CLIENT_MISSING.
 */
export async function createKafkaEventLog(deps: KafkaEventLogDeps, config: KafkaConfig): Promise<EventLog> {
  const { clock, metrics } = deps;
  const log = deps.log.child({ part: 'kafka' });
  const options = transportOptions(config, deps.readSecret);
  const transport = await createTransport({ clock, log }, config.client, options);
  return openKafkaEventLog({ clock, log, metrics, transport }, config);
}

/** The same over connections that are given. */
export async function openKafkaEventLog(
  deps: Pick<KafkaEventLogDeps, 'clock' | 'log' | 'metrics'> & { readonly transport: Transport },
  config: KafkaConfig,
): Promise<EventLog> {
  const { clock, log, metrics, transport } = deps;
  const cluster = createCluster({ clock, log, metrics, transport }, config);
  const asking = createChannels(transport);
  const consumers = new Set<Consumer>();
  const readers = new Set<Reader>();
  let closing: Promise<void> | undefined;

  const checkOpen = (): void => {
    if (closing !== undefined) throw eventLogError('EVENT_LOG_CLOSED');
  };
  const writers = createWriters({ cluster, clock, log, metrics, checkOpen }, config);
  const rebalances = metrics.counter('countersign_kafka_rebalances_total', 'Changes of a consumer group.', [
    'group',
  ]);
  const partitionsOf = async (topic: string): Promise<number[]> => {
    checkOpen();
    const partitions = await cluster.partitions(config.prefix + topic);
    return partitions.map(({ partition }) => partition);
  };
  const read = async (options: ReadOptions): Promise<Reader> => {
    const all = await partitionsOf(options.topic);
    const { topic, partition, fromOffset } = options;
    const chosen = partition === undefined ? all : all.filter((one) => one === partition);
    if (chosen.length === 0)
      throw eventLogError('EVENT_LOG_UNKNOWN_PARTITION', { topic, partition: partition ?? 0 });
    const kafkaTopic = config.prefix + topic;
    const ends = (): Promise<Map<number, number>> => offsetsAt(cluster, asking, kafkaTopic, chosen, 'end');
    const atStart = await ends();
    const from =
      partition !== undefined && fromOffset !== undefined
        ? new Map([[partition, fromOffset]])
        : await offsetsAt(cluster, asking, kafkaTopic, chosen, 'start');
    checkOpen();
    const fetcher = createFetcher({ cluster, clock, log }, config);
    const onEnd = (ended: Reader): void => {
      readers.delete(ended);
    };
    const reader = createReader({ fetcher, from, ends, onEnd }, config, options, atStart);
    readers.add(reader);
    return reader;
  };
  const close = async (): Promise<void> => {
    await Promise.all([...consumers].map((consumer) => consumer.close()));
    await Promise.all([...readers].map((reader) => reader.close()));
    await writers.close();
    asking.close();
    cluster.close();
  };

  try {
    await cluster.call(() => cluster.refresh());
  } catch (error) {
    cluster.close();
    throw error;
  }
  return {
    async ensureTopics(topics) {
      checkOpen();
      await ensureTopics(cluster, config, topics);
    },
    async writer(name) {
      checkOpen();
      return writers.open(name);
    },
    async consume(options) {
      checkOpen();
      let gone = false;
      const consumer = await createConsumer({ cluster, clock, log, rebalances }, config, options, (ended) => {
        gone = true;
        consumers.delete(ended);
      });
      if (!gone) consumers.add(consumer);
      return consumer;
    },
    read,
    async endOffsets(topic) {
      const partitions = await partitionsOf(topic);
      const ends = await offsetsAt(cluster, asking, config.prefix + topic, partitions, 'end');
      return partitions.map((partition) => ends.get(partition)!);
    },
    partitions: async (topic) => (await partitionsOf(topic)).length,
    partitionOf: async (topic, key) => partitionFor(key, (await partitionsOf(topic)).length),
    close() {
      closing ??= close();
      return closing;
    },
  };
}
