import { eventLogError } from '../errors.ts';
import type { LogRecord, Reader, ReadOptions } from '../event-log.ts';
import { createFairness } from './fairness.ts';
import type { Cursor, Partition } from './partition.ts';
import { createSignal } from './signal.ts';

const BATCH_RECORDS_MAX = 500;

interface Goal {
  readonly ends: readonly number[];
  resolve(): void;
  reject(error: unknown): void;
}

/** Starts a read of these partitions without a group. `onEnd` is called once when it has ended. */
export function createReader(
  partitions: readonly Partition[],
  options: ReadOptions,
  onEnd: (reader: Reader) => void,
): Reader {
  const signal = createSignal();
  const giveWay = createFairness();
  const cursors: Cursor[] = partitions.map((partition) => ({
    offset: options.fromOffset ?? partition.startOffset(),
  }));
  const atStart = partitions.map((partition) => partition.endOffset());
  let goals: Goal[] = [];
  let stopping = false;
  let outcome: unknown;

  const reached = (ends: readonly number[]): boolean =>
    ends.every((end, index) => cursors[index]!.offset >= end);
  const checkGoals = (): void => {
    const met = goals.filter((goal) => reached(goal.ends));
    if (met.length === 0) return;
    goals = goals.filter((goal) => !met.includes(goal));
    for (const goal of met) goal.resolve();
  };
  goals.push({ ends: atStart, resolve: () => options.onCaughtUp?.(), reject() {} });

  /** One batch of each partition that has some; false where there was nothing. */
  const round = async (): Promise<boolean> => {
    let some = false;
    for (const [index, partition] of partitions.entries()) {
      const cursor = cursors[index]!;
      const before = cursor.offset;
      // The cursor proper moves only after delivery, so that "caught up" means delivered.
      const ahead: Cursor = { ...cursor };
      const read = partition.read(ahead, BATCH_RECORDS_MAX);
      const records: LogRecord[] = Array.isArray(read) ? read : await read;
      if (stopping) return false;
      if (records.length > 0) await options.onRecords(records);
      if (stopping) return false;
      Object.assign(cursor, ahead);
      some ||= cursor.offset > before;
    }
    return some;
  };
  const run = async (): Promise<void> => {
    while (!stopping) {
      const some = await round();
      if (stopping) break;
      checkGoals();
      if (some) await giveWay();
      else if (partitions.every((partition, index) => cursors[index]!.offset >= partition.endOffset()))
        await signal.wait();
    }
  };
  const unlisten = partitions.map((partition) => partition.listen(signal.notify));
  const end = (error: unknown): void => {
    stopping = true;
    outcome = error;
    for (const stop of unlisten) stop();
    for (const goal of goals) goal.reject(error);
    goals = [];
    onEnd(reader);
  };
  const reader: Reader = {
    async caughtUp() {
      if (outcome !== undefined) throw outcome;
      const ends = partitions.map((partition) => partition.endOffset());
      if (reached(ends)) return;
      await new Promise<void>((resolve, reject) => {
        goals.push({ ends, resolve, reject });
      });
    },
    async close() {
      stopping = true;
      signal.notify();
      await running;
    },
  };
  const running = Promise.resolve()
    .then(run)
    .then(
      () => end(eventLogError('EVENT_LOG_CLOSED')),
      (error: unknown) => {
        end(error);
        options.onFailure(error);
      },
    );
  return reader;
}
