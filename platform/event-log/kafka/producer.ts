/**
 * Sends record batches to the partitions' leaders: one request to each broker at a time, with all that waits for it, so that nothing
 * waits at idle and batches grow by themselves under load. Every partition asked for is looked up in the answer: what is not in
 * it was not appended, whatever the request's own outcome, and goes out again. A batch goes out again with the same bytes and sequence
 * until the broker says what became of it, and only then the next one of its partition: so a resend neither doubles nor reorders.
 */
import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Counter } from '../../metrics/metrics.ts';
import { createChannels } from './channels.ts';
import type { Cluster } from './cluster.ts';
import type { ProducerLane } from './producer-lane.ts';
import { CODE, codeName, isRetriable, KafkaAnswerError } from './wire/error-codes.ts';
import { produce, type ProduceResult } from './wire/produce.ts';
import { encodeBatch } from './wire/record-batch.ts';

export interface Producer {
  /** The lane has something to send. */
  wake(lane: ProducerLane): void;
  /** Why the last request failed, where it did. */
  readonly lastFailure: string | undefined;
  close(): void;
}

export interface ProducerDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly log: Logger;
  /** Batches sent again, by reason. */
  readonly resends: Counter;
  /** A batch was refused for good; decides what becomes of the lane (fenced writers lose all of theirs). */
  onRefused(lane: ProducerLane, error: KafkaAnswerError): void;
}

interface Sender {
  readonly ready: Set<ProducerLane>;
  running: boolean;
}

const REQUEST_BYTES_MAX = 8 * 1024 * 1024;
const AGAIN_MS_FIRST = 10;
const AGAIN_MS_MAX = 500;

export function createProducer(deps: ProducerDeps, config: KafkaConfig): Producer {
  const { cluster, clock, log } = deps;
  const channels = createChannels(cluster.transport);
  const senders = new Map<number, Sender>();
  /** Lanes that are on their way through here. */
  const active = new Set<ProducerLane>();
  const failures = new Map<ProducerLane, number>();
  let lastFailure: string | undefined;
  let closed = false;

  const dispatch = (lane: ProducerLane): void => {
    if (closed) return;
    const leader = cluster.leaderOf(lane.topic, lane.partition);
    if (leader < 0 || cluster.isSilent(leader)) {
      again(lane, 'error', leader < 0 ? 'no leader' : `broker ${leader} does not answer`);
      return;
    }
    let sender = senders.get(leader);
    if (sender === undefined) {
      sender = { ready: new Set(), running: false };
      senders.set(leader, sender);
    }
    sender.ready.add(lane);
    if (!sender.running)
      run(leader, sender).catch((error: unknown) => log.error({ error }, 'kafka sender failed'));
  };
  /** Sends the lane's batch again a moment later, to whoever leads by then. */
  const again = (lane: ProducerLane, reason: 'error' | 'missing', said: string): void => {
    const count = (failures.get(lane) ?? 0) + 1;
    failures.set(lane, count);
    lastFailure = said;
    if (count === 1)
      log.debug({ topic: lane.topic, partition: lane.partition, said }, 'a batch is sent again');
    deps.resends.add(1, { reason });
    const waitMs = Math.min(AGAIN_MS_MAX, AGAIN_MS_FIRST * 2 ** Math.min(count - 1, 10));
    clock.after(
      waitMs,
      () => {
        if (closed) return;
        cluster
          .refresh([lane.topic])
          .catch((error: unknown) => {
            lastFailure = error instanceof Error ? error.message : String(error);
          })
          .finally(() => dispatch(lane));
      },
      { background: true },
    );
  };
  const goOn = (lane: ProducerLane): void => {
    failures.delete(lane);
    if (lane.idle) active.delete(lane);
    else dispatch(lane);
  };
  const settle = (lane: ProducerLane, result: ProduceResult | undefined): void => {
    // Refused meanwhile, with all else of its writer.
    if (lane.idle) goOn(lane);
    else if (result === undefined) {
      log.warn(
        { topic: lane.topic, partition: lane.partition },
        'a partition was missing from the answer to a send',
      );
      again(lane, 'missing', 'no answer for the partition');
    } else if (result.code === CODE.NONE) {
      lane.acknowledge(result.baseOffset);
      goOn(lane);
    } else if (isRetriable(result.code)) again(lane, 'error', codeName(result.code));
    else {
      deps.onRefused(lane, new KafkaAnswerError(result.code, lane.topic));
      goOn(lane);
    }
  };
  const take = async (sender: Sender): Promise<ProducerLane[]> => {
    const lanes: ProducerLane[] = [];
    const encoding: Promise<void>[] = [];
    // One batch per partition and request, also where several writers share the partition.
    const partitions = new Set<string>();
    let bytes = 0;
    for (const lane of sender.ready) {
      const place = `${lane.topic}/${lane.partition}`;
      if (partitions.has(place)) continue;
      const batch = lane.next();
      if (batch !== undefined && lanes.length > 0 && bytes + batch.bytes > REQUEST_BYTES_MAX) break;
      sender.ready.delete(lane);
      if (batch === undefined) {
        active.delete(lane);
        continue;
      }
      bytes += batch.bytes;
      partitions.add(place);
      lanes.push(lane);
      if (batch.encoded !== undefined) continue;
      const bodies = batch.parts.flatMap(({ entry, from, to }) => entry.bodies.slice(from, to));
      const origin = { ...lane.identity, sequence: batch.sequence };
      encoding.push(
        encodeBatch(bodies, clock.now(), origin, config.compression, config.compressFromBytes).then(
          (encoded) => {
            batch.encoded = encoded;
          },
        ),
      );
    }
    if (encoding.length > 0) await Promise.all(encoding);
    return lanes;
  };
  const send = async (leader: number, lanes: readonly ProducerLane[]): Promise<void> => {
    let results: ProduceResult[];
    try {
      const channel = await cluster.channelTo(channels, leader);
      const batches = lanes.flatMap((lane) => {
        const batch = lane.next();
        if (batch?.encoded === undefined) return [];
        batch.sent = true;
        return [{ topic: lane.topic, partition: lane.partition, batch: batch.encoded }];
      });
      results = await produce(channel, batches, config.requestTimeoutMs);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      cluster.distrust(leader, error);
      for (const lane of lanes) again(lane, 'error', said);
      return;
    }
    const answered = new Map(results.map((one) => [`${one.topic}/${one.partition}`, one]));
    for (const lane of lanes) settle(lane, answered.get(`${lane.topic}/${lane.partition}`));
  };
  const run = async (leader: number, sender: Sender): Promise<void> => {
    sender.running = true;
    // What the same append has for other partitions goes along.
    await Promise.resolve();
    try {
      while (sender.ready.size > 0 && !closed) {
        const lanes = await take(sender);
        if (lanes.length > 0) await send(leader, lanes);
      }
    } finally {
      sender.running = false;
    }
  };
  return {
    wake(lane) {
      if (active.has(lane)) return;
      active.add(lane);
      dispatch(lane);
    },
    get lastFailure() {
      return lastFailure;
    },
    close() {
      closed = true;
      channels.close();
    },
  };
}
