import type { MessagePort } from 'node:worker_threads';
import type {
  Assignment,
  BatchControl,
  Consumer,
  ConsumerOptions,
  EventLog,
  LogWriter,
  Position,
  Reader,
  ReadOptions,
} from '../event-log.ts';
import { createCalls, fromWire, type toWire } from './calls.ts';
import { packNewRecords, unpackRecords } from './packing.ts';
import { createRemoteConsumer, type RemoteConsumer } from './remote-consumer.ts';
import type { WireReadOptions, WireSeek } from './serve-event-log.ts';

type WireError = ReturnType<typeof toWire>;

/** The log of another thread, served there by `serveEventLog` on the other end of `port`. `close` ends this thread's use of it. */
export function createRemoteEventLog(port: MessagePort): EventLog {
  const consumers = new Map<number, RemoteConsumer>();
  const reads = new Map<number, ReadOptions>();
  let nextId = 1;
  const newId = (): number => {
    nextId += 1;
    return nextId;
  };
  const calls = createCalls(
    port,
    {
      async batch(id: number, topic: string, partition: number, packed: Uint8Array) {
        const consumer = consumers.get(id);
        // An answer without an error would commit what nobody saw.
        if (consumer === undefined) throw new Error('batch for a consumer that is gone');
        await consumer.batch(unpackRecords(packed, topic, partition));
      },
      async assigned(id: number, partitions: Assignment): Promise<WireSeek[]> {
        return (await consumers.get(id)?.assigned(partitions)) ?? [];
      },
      async revoked(id: number, partitions: Assignment) {
        await consumers.get(id)?.revoked(partitions);
      },
      consumerFailed(id: number, error: WireError) {
        consumers.get(id)?.failed(fromWire(error));
      },
      async records(id: number, topic: string, partition: number, packed: Uint8Array) {
        await reads.get(id)?.onRecords(unpackRecords(packed, topic, partition));
      },
      caughtUp: (id: number) => reads.get(id)?.onCaughtUp?.(),
      readerFailed(id: number, error: WireError) {
        reads.get(id)?.onFailure(fromWire(error));
      },
    },
    () => {
      consumers.clear();
      reads.clear();
    },
  );

  const writer = async (name: string): Promise<LogWriter> => {
    const id = newId();
    await calls.call('writer', id, name);
    return {
      append(topic, records) {
        const { packed, partitions } = packNewRecords(records);
        return calls.call<Position[]>('append', id, topic, partitions, packed);
      },
      close: () => calls.call('closeWriter', id),
    };
  };
  const consume = async (options: ConsumerOptions): Promise<Consumer> => {
    const id = newId();
    const control: BatchControl = {
      commit: (position) => {
        const { topic, partition, offset } = position;
        return calls.call('commit', id, options.group, { topic, partition, offset });
      },
    };
    const remote = createRemoteConsumer(options, control);
    consumers.set(id, remote);
    const { group, topics, startAt, batchRecordsMax, commit } = options;
    try {
      await calls.call('consume', id, {
        group,
        topics: [...topics],
        startAt,
        batchRecordsMax,
        commit,
        hasAssigned: options.onAssigned !== undefined,
        hasRevoked: options.onRevoked !== undefined,
      });
    } catch (error) {
      consumers.delete(id);
      throw error;
    }
    const tell = (method: string): void => {
      calls.call(method, id).catch(() => undefined);
    };
    return {
      pause() {
        remote.pause();
        tell('pause');
      },
      resume() {
        remote.resume();
        tell('resume');
      },
      lag: () => calls.call<number>('lag', id),
      async close() {
        // What waits behind a pause was not handed out: let it go back undone.
        remote.end();
        if (calls.closed) return;
        await calls.call('closeConsumer', id);
        consumers.delete(id);
      },
    };
  };
  const read = async (options: ReadOptions): Promise<Reader> => {
    const id = newId();
    reads.set(id, options);
    const { topic, partition, fromOffset } = options;
    const wire: WireReadOptions = {
      topic,
      ...(partition !== undefined && { partition }),
      ...(fromOffset !== undefined && { fromOffset }),
    };
    try {
      await calls.call('read', id, wire);
    } catch (error) {
      reads.delete(id);
      throw error;
    }
    return {
      caughtUp: () => calls.call('caughtUp', id),
      async close() {
        if (calls.closed) return;
        await calls.call('closeReader', id);
        reads.delete(id);
      },
    };
  };
  const closeAll = async (): Promise<void> => {
    if (calls.closed) return;
    for (const consumer of consumers.values()) consumer.end();
    await Promise.allSettled([
      ...[...consumers.keys()].map((id) => calls.call('closeConsumer', id)),
      ...[...reads.keys()].map((id) => calls.call('closeReader', id)),
    ]);
    calls.close();
  };
  let closing: Promise<void> | undefined;
  return {
    ensureTopics: (topics) => calls.call('ensureTopics', [...topics]),
    writer,
    consume,
    read,
    endOffsets: (topic) => calls.call<number[]>('endOffsets', topic),
    partitions: (topic) => calls.call<number>('partitions', topic),
    partitionOf: (topic, key) => calls.call<number>('partitionOf', topic, key),
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}
