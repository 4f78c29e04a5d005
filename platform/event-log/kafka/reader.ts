import type { KafkaConfig } from '../../../schemas/config/kafka.ts';
import { createFairness } from '../embedded/fairness.ts';
import { createSignal } from '../embedded/signal.ts';
import { eventLogError } from '../errors.ts';
import type { Reader, ReadOptions } from '../event-log.ts';
import { createFetchLane, type FetchLane } from './fetch-lane.ts';
import type { Fetcher } from './fetcher.ts';

const BATCH_RECORDS_MAX = 500;

export interface ReaderDeps {
  readonly fetcher: Fetcher;
  /** Partitions to read, and from where. */
  readonly from: ReadonlyMap<number, number>;
  /** End offsets now, by partition. */
  ends(): Promise<ReadonlyMap<number, number>>;
  /** Called once when it has ended. */
  onEnd(reader: Reader): void;
}

interface Goal {
  readonly ends: ReadonlyMap<number, number>;
  resolve(): void;
  reject(error: unknown): void;
}

/** Starts a read without a group. `atStart`: end offsets that `onCaughtUp` stands for. */
export function createReader(
  deps: ReaderDeps,
  config: KafkaConfig,
  options: ReadOptions,
  atStart: ReadonlyMap<number, number>,
): Reader {
  const { fetcher } = deps;
  const { topic } = options;
  const signal = createSignal();
  const giveWay = createFairness();
  const kafkaTopic = config.prefix + topic;
  const lanes: FetchLane[] = [...deps.from].map(([partition, from]) =>
    createFetchLane({ kafkaTopic, topic, partition }, from, config.partitionBufferBytesMax, signal),
  );
  /** As far as each partition has been handed out; `reached` is ahead of it while a handler runs. */
  const delivered = new Map(lanes.map((lane) => [lane.partition, lane.reached]));
  let goals: Goal[] = [{ ends: atStart, resolve: () => options.onCaughtUp?.(), reject() {} }];
  let stopping = false;
  let outcome: unknown;

  const isReached = (ends: ReadonlyMap<number, number>): boolean =>
    lanes.every(({ partition }) => delivered.get(partition)! >= (ends.get(partition) ?? 0));
  const checkGoals = (): void => {
    for (const lane of lanes) delivered.set(lane.partition, lane.reached);
    const met = goals.filter((goal) => isReached(goal.ends));
    goals = goals.filter((goal) => !met.includes(goal));
    for (const goal of met) goal.resolve();
  };
  const run = async (): Promise<void> => {
    while (!stopping) {
      let some = false;
      for (const lane of lanes) {
        if (lane.error !== undefined) throw lane.error;
        const records = lane.take(BATCH_RECORDS_MAX);
        if (records.length === 0) continue;
        some = true;
        fetcher.wake();
        await options.onRecords(records);
        if (stopping) return;
      }
      checkGoals();
      if (some) await giveWay();
      else if (!lanes.some((lane) => lane.filled || lane.error !== undefined)) await signal.wait();
    }
  };
  const end = (error: unknown): void => {
    stopping = true;
    outcome = error;
    fetcher.close();
    for (const goal of goals) goal.reject(error);
    goals = [];
    deps.onEnd(reader);
  };
  const reader: Reader = {
    async caughtUp() {
      if (outcome !== undefined) throw outcome;
      const ends = await deps.ends();
      if (outcome !== undefined) throw outcome;
      if (isReached(ends)) return;
      await new Promise<void>((resolve, reject) => {
        goals.push({ ends, resolve, reject });
        signal.notify();
      });
    },
    async close() {
      stopping = true;
      signal.notify();
      await running;
    },
  };
  const running = Promise.resolve()
    .then(() => {
      fetcher.add(lanes);
      return run();
    })
    .then(
      () => end(eventLogError('EVENT_LOG_CLOSED')),
      (error: unknown) => {
        end(error);
        options.onFailure(error);
      },
    );
  return reader;
}
