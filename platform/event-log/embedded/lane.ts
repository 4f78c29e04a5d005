import { eventLogError } from '../errors.ts';
import type { ConsumerOptions, Position } from '../event-log.ts';
import { createFairness } from './fairness.ts';
import type { CommittedOffsets } from './offsets.ts';
import type { Cursor, Partition } from './partition.ts';
import { createSignal } from './signal.ts';

/** One partition's delivery to one member of a group. */
export interface Lane {
  readonly partition: Partition;
  seek(offset: number): void;
  /** Begins to deliver. */
  start(): void;
  /** Looks again: something was appended, or the member was resumed. */
  wake(): void;
  /** Resolves when the batch under way has ended; no other begins. */
  stop(): Promise<void>;
  /** Commits of this lane fail from now on. */
  release(): void;
  lag(): number;
}

export interface LaneDeps {
  readonly offsets: CommittedOffsets;
  readonly options: ConsumerOptions;
  paused(): boolean;
  failed(error: unknown): void;
}

export function createLane(deps: LaneDeps, partition: Partition): Lane {
  const { offsets, options } = deps;
  const { topic, partition: number } = partition;
  const signal = createSignal();
  const giveWay = createFairness();
  let stopping = false;
  let released = false;
  let running: Promise<void> | undefined;

  const committed = offsets.get(options.group, topic, number);
  // After a power cut the log may end before what was committed.
  const begin =
    committed === undefined
      ? options.startAt === 'earliest'
        ? partition.startOffset()
        : partition.endOffset()
      : Math.min(committed, partition.endOffset());
  const cursor: Cursor = { offset: begin };
  // A group that starts at the end has its place from now on, also if it stops before its first commit.
  if (committed === undefined && options.startAt === 'latest')
    void offsets.commit(options.group, topic, number, begin)?.catch(deps.failed);

  const commit = (position: Position): Promise<void> | undefined => {
    if (released)
      throw eventLogError('EVENT_LOG_NOT_ASSIGNED', { topic, partition: number, group: options.group });
    return offsets.commit(options.group, topic, number, position.offset + 1);
  };
  const control = {
    async commit(position: Position): Promise<void> {
      if (position.topic !== topic || position.partition !== number)
        throw eventLogError('EVENT_LOG_NOT_ASSIGNED', {
          topic: position.topic,
          partition: position.partition,
          group: options.group,
        });
      await commit(position);
    },
  };
  const deliver = async (): Promise<void> => {
    while (!stopping) {
      const read = deps.paused() ? [] : partition.read(cursor, options.batchRecordsMax);
      const records = Array.isArray(read) ? read : await read;
      if (stopping) break;
      if (records.length === 0) {
        if (deps.paused() || cursor.offset >= partition.endOffset()) await signal.wait();
        continue;
      }
      await options.onBatch(records, control);
      if (options.commit === 'after-batch') await commit(records.at(-1)!);
      await giveWay();
    }
  };

  let unlisten: (() => void) | undefined;
  return {
    partition,
    seek(offset) {
      cursor.offset = offset;
      cursor.segment = undefined;
    },
    start() {
      unlisten = partition.listen(signal.notify);
      running = deliver().catch((error: unknown) => {
        stopping = true;
        deps.failed(error);
      });
    },
    wake: signal.notify,
    async stop() {
      stopping = true;
      unlisten?.();
      signal.notify();
      await running;
    },
    release() {
      released = true;
    },
    lag() {
      const from = offsets.get(options.group, topic, number) ?? begin;
      return Math.max(0, partition.endOffset() - Math.max(from, partition.startOffset()));
    },
  };
}
