import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock, Random } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { eventLogError } from '../errors.ts';
import type { Consumer, EventLog, Reader } from '../event-log.ts';
import { partitionFor } from '../partitioner.ts';
import { createChannels } from './channels.ts';
import { createCluster } from './cluster.ts';
import { createConsumer } from './consumer.ts';
import { createFetcher } from './fetcher.ts';
import { offsetsAt } from './offsets.ts';
import { createProducer } from './producer.ts';
import { createReader } from './reader.ts';
import { transportOptions, type ReadSecret } from './security.ts';
import { ensureTopics } from './topics.ts';
import { createTransport } from './transport/create-transport.ts';
import { isFenced } from './wire/error-codes.ts';
import { openIdentity } from './writer-identity.ts';
import { createWriter, type KafkaWriter, type QueueBound } from './writer.ts';

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
  const transport = await createTransport(
    { clock, log },
    config.client,
    transportOptions(config, deps.readSecret),
  );
  const cluster = createCluster({ clock, transport }, config);
  const asking = createChannels(transport);
  const queue: QueueBound = { bytes: 0 };
  const writers = new Set<KafkaWriter>();
  const consumers = new Set<Consumer>();
  const readers = new Set<Reader>();
  let closing: Promise<void> | undefined;

  const producer = createProducer(
    {
      cluster,
      clock,
      log,
      resends: metrics.counter(
        'countersign_kafka_resends_total',
        'Batches sent to Kafka again: after an error, or since the answer did not speak of their partition.',
        ['reason'],
      ),
      onRefused(lane, error) {
        const writer = [...writers].find(({ lanes }) => lanes.has(lane));
        if (isFenced(error.code)) writer?.refuseAll(fencedError(writer.name));
        else
          lane.refuse(
            eventLogError('EVENT_LOG_REFUSED', {
              what: `records for topic ${lane.topic}`,
              reason: error.message,
            }),
          );
      },
    },
    config,
  );
  const appendedRecords = metrics.counter(
    'countersign_event_log_appended_records_total',
    'Records appended to the event log.',
    ['topic'],
  );
  const rebalances = metrics.counter('countersign_kafka_rebalances_total', 'Changes of a consumer group.', [
    'group',
  ]);
  const fencedError = (writer: string): Error => eventLogError('EVENT_LOG_FENCED', { writer });
  const checkOpen = (): void => {
    if (closing !== undefined) throw eventLogError('EVENT_LOG_CLOSED');
  };
  const partitionsOf = async (topic: string): Promise<number[]> => {
    checkOpen();
    const partitions = await cluster.partitions(config.prefix + topic);
    return partitions.map(({ partition }) => partition);
  };
  const close = async (): Promise<void> => {
    await Promise.all([...consumers].map((consumer) => consumer.close()));
    await Promise.all([...readers].map((reader) => reader.close()));
    for (const writer of writers) {
      await writer.close();
      writer.refuseAll(eventLogError('EVENT_LOG_CLOSED'));
    }
    producer.close();
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
      let writer: KafkaWriter | undefined;
      const identity = await openIdentity(
        { cluster, channels: asking, clock, log },
        config.prefix + name,
        name,
        () => writer?.refuseAll(fencedError(name)),
      );
      const deps = { name, cluster, producer, identity, clock, queue, appendedRecords, checkOpen };
      writer = createWriter(deps, config);
      writers.add(writer);
      return writer;
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
    async read(options) {
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
      const fetcher = createFetcher({ cluster, clock, log }, config);
      const onEnd = (ended: Reader): void => {
        readers.delete(ended);
      };
      const reader = createReader({ fetcher, from, ends, onEnd }, config, options, atStart);
      readers.add(reader);
      return reader;
    },
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
