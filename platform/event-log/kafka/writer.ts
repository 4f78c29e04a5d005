import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Counter } from '../../metrics/metrics.ts';
import { eventLogError } from '../errors.ts';
import type { LogWriter, NewRecord, Position } from '../event-log.ts';
import { partitionFor } from '../partitioner.ts';
import type { Cluster } from './cluster.ts';
import { createProducerLane, type Entry, type ProducerLane } from './producer-lane.ts';
import type { Producer } from './producer.ts';
import type { WriterIdentity } from './writer-identity.ts';
import { encodeBody } from './wire/record-batch.ts';

/** Bytes that wait, over all writers of one log. */
export interface QueueBound {
  bytes: number;
}

export interface WriterDeps {
  readonly name: string;
  readonly cluster: Cluster;
  readonly producer: Producer;
  /** Takes the name over. */
  openIdentity(): Promise<WriterIdentity>;
  readonly clock: Clock;
  readonly queue: QueueBound;
  readonly appendedRecords: Counter;
  /** Throws once the log or the writer may not be used. */
  checkOpen(): void;
  onClosed(writer: KafkaWriter): void;
}

export interface KafkaWriter extends LogWriter {
  readonly name: string;
  /** Fails all that waits and all that comes. */
  refuseAll(error: unknown): void;
  /** Fails all that waits; what comes is written under a new identity. */
  restart(error: unknown): void;
  readonly lanes: ReadonlySet<ProducerLane>;
}

const HEADER_NAME_BYTES_MAX = 65_535;

interface OpenTopic {
  readonly lanes: readonly ProducerLane[];
  /** Where the last record without a key went. */
  spread: number;
}

/** Opens it: the name is taken over when this resolves. */
export async function createWriter(deps: WriterDeps, config: KafkaConfig): Promise<KafkaWriter> {
  const { cluster, producer, clock, queue } = deps;
  const topics = new Map<string, Promise<OpenTopic>>();
  const lanes = new Set<ProducerLane>();
  let refusal: unknown;
  let opening: Promise<WriterIdentity> | undefined;

  const identityOf = (): Promise<WriterIdentity> => {
    if (opening !== undefined) return opening;
    const mine = deps.openIdentity();
    opening = mine;
    mine.catch(() => {
      if (opening === mine) opening = undefined;
    });
    return mine;
  };

  const openTopic = async (topic: string): Promise<OpenTopic> => {
    const name = config.prefix + topic;
    const partitions = await cluster.partitions(name);
    const identity = await identityOf();
    await identity.claim(name);
    const made = partitions.map(({ partition }) =>
      createProducerLane(identity, name, partition, config.batchBytesMax, (bytes) => {
        queue.bytes -= bytes;
      }),
    );
    for (const lane of made) lanes.add(lane);
    return { lanes: made, spread: 0 };
  };
  /** The same promise for all who ask, so that appends go on in the order in which they came. */
  const topicOf = (topic: string): Promise<OpenTopic> => {
    let opening = topics.get(topic);
    if (opening === undefined) {
      opening = openTopic(topic);
      topics.set(topic, opening);
      opening.catch(() => topics.delete(topic));
    }
    return opening;
  };
  const encode = (topic: string, record: NewRecord): Buffer => {
    const body = encodeBody(record);
    if (body.length > config.recordBytesMax)
      throw eventLogError('EVENT_LOG_RECORD_TOO_LARGE', {
        topic,
        bytes: body.length,
        bytesMax: config.recordBytesMax,
      });
    for (const header in record.headers)
      if (Buffer.byteLength(header) > HEADER_NAME_BYTES_MAX)
        throw eventLogError('EVENT_LOG_RECORD_TOO_LARGE', {
          topic,
          bytes: Buffer.byteLength(header),
          bytesMax: HEADER_NAME_BYTES_MAX,
        });
    return body;
  };
  const partitionOf = (topic: string, open: OpenTopic, record: NewRecord): number => {
    const count = open.lanes.length;
    const { key, partition } = record;
    if (partition !== undefined) {
      if (!Number.isInteger(partition) || partition < 0 || partition >= count)
        throw eventLogError('EVENT_LOG_UNKNOWN_PARTITION', { topic, partition });
      return partition;
    }
    if (key !== null) return partitionFor(key, count);
    open.spread = (open.spread + 1) % count;
    return open.spread;
  };
  const checkUsable = (): void => {
    deps.checkOpen();
    if (refusal !== undefined) throw refusal;
  };

  /** Resolves when the entry is in the log; fails when that takes too long, unless somebody is patient. */
  const settled = (lane: ProducerLane, bodies: readonly Buffer[], patient: boolean): Promise<number[]> =>
    new Promise((resolve, reject) => {
      const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
      const offsets: number[] = [];
      const giveUp = (): void => {
        const reason = producer.lastFailure ?? 'no answer in time';
        // What has gone out stays: until the broker has said what became of it, nothing may take its place.
        lane.withdraw(entry);
        reject(eventLogError('EVENT_LOG_UNREACHABLE', { reason }));
      };
      const timer = patient ? undefined : clock.after(config.appendTimeoutMs, giveUp);
      const entry: Entry = {
        bodies,
        bytes,
        offsets,
        settled: false,
        resolve() {
          timer?.cancel();
          resolve(offsets);
        },
        reject(error) {
          timer?.cancel();
          reject(error);
        },
      };
      queue.bytes += bytes;
      lane.push(entry);
      producer.wake(lane);
    });

  const closeIdentity = (): void => {
    opening?.then(
      (identity) => identity.close(),
      () => undefined,
    );
    opening = undefined;
  };
  const writer: KafkaWriter = {
    name: deps.name,
    lanes,
    async append(topic, records, { patient = false } = {}) {
      checkUsable();
      if (records.length === 0) return [];
      const bodies = records.map((record) => encode(topic, record));
      const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
      const open = await topicOf(topic);
      checkUsable();
      if (queue.bytes > 0 && queue.bytes + bytes > config.queueBytesMax)
        throw eventLogError('EVENT_LOG_QUEUE_FULL', { topic, bytesMax: config.queueBytesMax });
      const targets = records.map((record) => partitionOf(topic, open, record));
      const byPartition = Map.groupBy(bodies.keys(), (index) => targets[index]!);
      const offsets: number[] = [];
      const waiting = [...byPartition].map(async ([partition, indexes]) => {
        const mine = indexes.map((index) => bodies[index]!);
        const found = await settled(open.lanes[partition]!, mine, patient);
        for (const [place, index] of indexes.entries()) offsets[index] = found[place]!;
      });
      // All of them, also where one fails: the others are there or not by then.
      const outcomes = await Promise.allSettled(waiting);
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      deps.appendedRecords.add(records.length, { topic });
      return targets.map((partition, index): Position => ({ topic, partition, offset: offsets[index]! }));
    },
    refuseAll(error) {
      refusal ??= error;
      for (const lane of lanes) lane.refuseAll(error);
    },
    restart(error) {
      for (const lane of lanes) lane.refuseAll(error);
      lanes.clear();
      topics.clear();
      closeIdentity();
    },
    async close() {
      refusal ??= eventLogError('EVENT_LOG_CLOSED');
      closeIdentity();
      deps.onClosed(writer);
    },
  };
  await identityOf();
  return writer;
}
