/** Follows how far the detectors have come, from now on. */
import type { EventLog } from '../../platform/event-log/event-log.ts';
import { createCodec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';

export interface FollowingPassed {
  /** Resolves when every partition is passed up to these ends. */
  reached(ends: readonly number[]): Promise<void>;
  /** From now on the time between two verdicts of a partition counts. */
  watchGaps(): void;
  longestGapMs(): number;
  close(): Promise<void>;
}

const codec = createCodec('verdict');

export async function followPassed(eventLog: EventLog): Promise<FollowingPassed> {
  const topic = TOPICS.verdicts.name;
  const passed = new Map<number, number>();
  const lastAt = new Map<number, number>();
  let watching = false;
  let longest = 0;
  let onPassed = (): void => undefined;
  const take = (partition: number, offset: number): void => {
    const now = performance.now();
    const before = lastAt.get(partition);
    if (watching && before !== undefined) longest = Math.max(longest, now - before);
    lastAt.set(partition, now);
    passed.set(partition, Math.max(offset, passed.get(partition) ?? -1));
    onPassed();
  };
  const starts = await eventLog.endOffsets(topic);
  const readers = await Promise.all(
    starts.map((fromOffset, partition) =>
      eventLog.read({
        topic,
        partition,
        fromOffset,
        onRecords(records) {
          for (const { value } of records) {
            const read = value === null ? undefined : codec.decode(value);
            if (read?.ok === true && read.value.body.kind === 'passed')
              take(read.value.body.partition, read.value.body.offset);
          }
        },
        onFailure: (error) => console.error(error),
      }),
    ),
  );
  return {
    reached: (ends) =>
      new Promise((resolve) => {
        onPassed = () => {
          if (ends.every((end, partition) => end === 0 || (passed.get(partition) ?? -1) >= end - 1))
            resolve();
        };
        onPassed();
      }),
    watchGaps() {
      watching = true;
    },
    longestGapMs: () => longest,
    async close() {
      await Promise.all(readers.map((reader) => reader.close()));
    },
  };
}
