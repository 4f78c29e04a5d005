import type { MessagePort } from 'node:worker_threads';
import { eventLogError } from '../errors.ts';
import type {
  Assignment,
  BatchControl,
  Consumer,
  ConsumerOptions,
  EventLog,
  LogWriter,
  Position,
  ReadOptions,
  Reader,
  TopicOptions,
} from '../event-log.ts';
import { createCalls, toWire } from './calls.ts';
import { packRecords, unpackNewRecords } from './packing.ts';

/** Options of a consumer that travel; its callbacks are called back by id. */
export type WireConsumerOptions = Pick<
  ConsumerOptions,
  'group' | 'topics' | 'startAt' | 'batchRecordsMax' | 'commit'
> & { readonly hasAssigned: boolean; readonly hasRevoked: boolean };

export type WireReadOptions = Pick<ReadOptions, 'topic' | 'partition' | 'fromOffset'>;

export interface WireSeek {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/**
 * Lets the thread at the other end of `port` use `log` (createRemoteEventLog). One batch of a partition is under way at a time; the
 * next one is sent when the other side has answered. When that thread ends, its consumers leave their groups. `close` ends only
 * this connection, not the log.
 */
export function serveEventLog(log: EventLog, port: MessagePort): { close(): Promise<void> } {
  const writers = new Map<number, LogWriter>();
  const consumers = new Map<number, Consumer>();
  const readers = new Map<number, Reader>();
  const controls = new Map<string, BatchControl>();

  const callbacksOf = (id: number, options: WireConsumerOptions): ConsumerOptions => {
    const base: ConsumerOptions = {
      group: options.group,
      topics: options.topics,
      startAt: options.startAt,
      batchRecordsMax: options.batchRecordsMax,
      commit: options.commit,
      async onBatch(records, control) {
        const { topic, partition } = records[0]!;
        controls.set(`${id}/${topic}/${partition}`, control);
        await calls.call('batch', id, topic, partition, packRecords(records));
      },
      onFailure(error) {
        if (!calls.closed) notify('consumerFailed', id, toWire(error));
      },
    };
    return {
      ...base,
      ...(options.hasAssigned && {
        async onAssigned(partitions: Assignment, control: { seek(t: string, p: number, o: number): void }) {
          const seeks = await calls.call<WireSeek[]>('assigned', id, partitions);
          for (const { topic, partition, offset } of seeks) control.seek(topic, partition, offset);
        },
      }),
      ...(options.hasRevoked && {
        async onRevoked(partitions: Assignment) {
          // Where the other thread is gone there is nobody to ask.
          if (!calls.closed) await calls.call('revoked', id, partitions);
        },
      }),
    };
  };
  const notify = (method: string, ...args: unknown[]): void => {
    // The answer says nothing; a closed port is the other side's end.
    calls.call(method, ...args).catch(() => undefined);
  };
  const endAll = async (): Promise<void> => {
    const ending = [...consumers.values(), ...readers.values(), ...writers.values()].map((one) =>
      one.close(),
    );
    consumers.clear();
    readers.clear();
    writers.clear();
    controls.clear();
    await Promise.allSettled(ending);
  };
  let ended: Promise<void> | undefined;

  const methods = {
    ensureTopics: (topics: TopicOptions[]) => log.ensureTopics(topics),
    endOffsets: (topic: string) => log.endOffsets(topic),
    partitions: (topic: string) => log.partitions(topic),
    partitionOf: (topic: string, key: string) => log.partitionOf(topic, key),
    async writer(id: number, name: string) {
      writers.set(id, await log.writer(name));
    },
    async append(id: number, topic: string, partitions: number[], packed: Uint8Array): Promise<Position[]> {
      return writers.get(id)!.append(topic, unpackNewRecords(packed, partitions));
    },
    async closeWriter(id: number) {
      await writers.get(id)?.close();
      writers.delete(id);
    },
    async consume(id: number, options: WireConsumerOptions) {
      const consumer = await log.consume(callbacksOf(id, options));
      consumers.set(id, consumer);
      if (calls.closed) await consumer.close();
    },
    async commit(id: number, group: string, position: Position) {
      const { topic, partition } = position;
      const control = controls.get(`${id}/${topic}/${partition}`);
      if (control === undefined) throw eventLogError('EVENT_LOG_NOT_ASSIGNED', { topic, partition, group });
      await control.commit(position);
    },
    pause: (id: number) => consumers.get(id)?.pause(),
    resume: (id: number) => consumers.get(id)?.resume(),
    lag: (id: number) => consumers.get(id)?.lag() ?? 0,
    async closeConsumer(id: number) {
      await consumers.get(id)?.close();
      consumers.delete(id);
      for (const key of controls.keys()) if (key.startsWith(`${id}/`)) controls.delete(key);
    },
    async read(id: number, options: WireReadOptions) {
      const reader = await log.read({
        ...options,
        async onRecords(records) {
          const { topic, partition } = records[0]!;
          await calls.call('records', id, topic, partition, packRecords(records));
        },
        onCaughtUp: () => notify('caughtUp', id),
        onFailure: (error) => notify('readerFailed', id, toWire(error)),
      });
      readers.set(id, reader);
      if (calls.closed) await reader.close();
    },
    caughtUp: (id: number) => readers.get(id)?.caughtUp(),
    async closeReader(id: number) {
      await readers.get(id)?.close();
      readers.delete(id);
    },
  };
  const calls = createCalls(port, methods, () => {
    ended ??= endAll();
  });
  // The thread that owns the log lives by its own work, not by who may ask.
  port.unref();
  return {
    async close() {
      calls.close();
      await ended;
    },
  };
}
