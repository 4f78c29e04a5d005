import { createFairness } from '../embedded/fairness.ts';
import { eventLogError } from '../errors.ts';
import type { BatchControl, ConsumerOptions, Position } from '../event-log.ts';
import type { Committer } from './committer.ts';
import type { FetchLane } from './fetch-lane.ts';

/** One partition's delivery to one member of a group. */
export interface ConsumerLane {
  readonly fetch: FetchLane;
  seek(offset: number): void;
  start(): void;
  /** Looks again: the member was resumed. */
  wake(): void;
  /** Resolves when the batch under way has ended; no other begins. */
  stop(): Promise<void>;
  /** Commits fail from now on: the partition belongs to somebody else. */
  release(): void;
  /** Records between what is committed and this end. */
  lag(end: number): number;
}

export interface ConsumerLaneDeps {
  readonly options: ConsumerOptions;
  readonly committer: Committer;
  paused(): boolean;
  failed(error: unknown): void;
  /** Room was made: more can be fetched. */
  taken(): void;
}

/** `committed`: where the group stands, or where it begins. */
export function createConsumerLane(deps: ConsumerLaneDeps, fetch: FetchLane, begin: number): ConsumerLane {
  const { options, committer } = deps;
  const { topic, kafkaTopic, partition } = fetch;
  const giveWay = createFairness();
  let stopping = false;
  let released = false;
  let running: Promise<void> | undefined;
  let committed = begin;
  /** Behind the last record handed out. */
  let handedOut = begin;
  let working = false;

  const notAssigned = (place: { topic: string; partition: number }): Error =>
    eventLogError('EVENT_LOG_NOT_ASSIGNED', {
      topic: place.topic,
      partition: place.partition,
      group: options.group,
    });
  const commit = async (position: Position): Promise<void> => {
    if (released) throw notAssigned(position);
    const offset = position.offset + 1;
    await committer.commit({ topic: kafkaTopic, partition, offset });
    committed = offset;
  };
  const control: BatchControl = {
    async commit(position) {
      if (position.topic !== topic || position.partition !== partition) throw notAssigned(position);
      await commit(position);
    },
  };
  const fail = (error: unknown): void => {
    stopping = true;
    deps.failed(error);
  };
  const deliver = async (): Promise<void> => {
    while (!stopping) {
      const records = deps.paused() ? [] : fetch.take(options.batchRecordsMax);
      if (records.length === 0) {
        if (!deps.paused() && fetch.error !== undefined) throw fetch.error;
        await fetch.signal.wait();
        continue;
      }
      deps.taken();
      const last = records.at(-1)!;
      handedOut = last.offset + 1;
      working = true;
      await options.onBatch(records, control);
      working = false;
      // The next batch does not wait for it; giving up the partition does.
      if (options.commit === 'after-batch')
        commit(last).catch((error: unknown) => {
          if (!released) fail(error);
        });
      await giveWay();
    }
  };
  return {
    fetch,
    seek(offset) {
      fetch.seek(offset);
    },
    start() {
      running = deliver().catch(fail);
    },
    wake: fetch.signal.notify,
    async stop() {
      stopping = true;
      fetch.signal.notify();
      await running;
    },
    release() {
      released = true;
    },
    lag(end) {
      // Behind the last record there may be marks that nobody is handed.
      const done = !working && committed >= handedOut ? Math.max(committed, fetch.reached) : committed;
      return Math.max(0, end - done);
    },
  };
}
