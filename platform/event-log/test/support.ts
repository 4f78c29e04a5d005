import assert from 'node:assert/strict';
import type { Consumer, ConsumerOptions, EventLog, LogRecord, NewRecord } from '../event-log.ts';
import type { EventLogHarness, OpenEventLog } from './conformance.ts';

export const record = (key: string | null, value: string | null): NewRecord => ({
  key,
  value: value === null ? null : Buffer.from(value),
});

export const text = (record: LogRecord): string | null =>
  record.value === null ? null : Buffer.from(record.value).toString();

/** Runs a case on a fresh log and ends it whatever happens. */
export async function withLog(
  open: OpenEventLog,
  run: (harness: EventLogHarness) => Promise<void>,
): Promise<void> {
  const harness = await open();
  try {
    await run(harness);
  } finally {
    await harness.end();
  }
}

export async function makeTopic(
  log: EventLog,
  name: string,
  partitions = 1,
  cleanup: 'delete' | 'compact' = 'delete',
): Promise<void> {
  await log.ensureTopics([{ name, partitions, cleanup }]);
}

/** A list that can be waited on. */
export interface Collected<T> {
  readonly items: T[];
  add(...items: T[]): void;
  /** Resolves once there are at least so many. */
  count(wanted: number): Promise<T[]>;
}

export function collect<T>(): Collected<T> {
  const items: T[] = [];
  let waiting: { wanted: number; resolve(items: T[]): void }[] = [];
  return {
    items,
    add(...more) {
      items.push(...more);
      const ready = waiting.filter((one) => items.length >= one.wanted);
      waiting = waiting.filter((one) => items.length < one.wanted);
      for (const one of ready) one.resolve(items);
    },
    count: (wanted) =>
      items.length >= wanted
        ? Promise.resolve(items)
        : new Promise((resolve) => {
            waiting.push({ wanted, resolve });
          }),
  };
}

/** Everything in the topic now, in order per partition. */
export async function readAll(log: EventLog, topic: string): Promise<LogRecord[]> {
  const found: LogRecord[] = [];
  const reader = await log.read({
    topic,
    onRecords(records) {
      found.push(...records);
    },
    onFailure(error) {
      throw error;
    },
  });
  await reader.caughtUp();
  await reader.close();
  return found;
}

export interface TestConsumer {
  readonly consumer: Consumer;
  readonly seen: Collected<LogRecord>;
  readonly failures: Collected<unknown>;
}

/** A consumer from the earliest record on that collects what it gets. */
export async function startConsumer(
  log: EventLog,
  options: Partial<ConsumerOptions> & { topics: readonly string[] },
): Promise<TestConsumer> {
  const seen = collect<LogRecord>();
  const failures = collect<unknown>();
  const consumer = await log.consume({
    group: 'group',
    startAt: 'earliest',
    batchRecordsMax: 10,
    commit: 'after-batch',
    async onBatch(records) {
      seen.add(...records);
    },
    onFailure(error) {
      failures.add(error);
    },
    ...options,
  });
  return { consumer, seen, failures };
}

/** Real brokers need time of the wall; nothing here asserts how much. */
const UNTIL_MS_MAX = 60_000;
const BUSY_TURNS = 1000;

/** Waits until a condition holds, giving way to other work in between; fails after very many turns and a minute. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const start = performance.now();
  for (let turn = 0; turn < BUSY_TURNS || performance.now() - start < UNTIL_MS_MAX; turn += 1) {
    if (await condition()) return;
    await new Promise((resolve) => {
      if (turn < BUSY_TURNS) setImmediate(resolve);
      else setTimeout(resolve, 1);
    });
  }
  assert.fail('condition never held');
}
