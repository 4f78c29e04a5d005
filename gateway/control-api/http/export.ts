/** What a topic holds, from its start to its present end, merged over the partitions by time. Bounded: a slow reader slows the log's. */
import type { Codec } from '../../../schemas/codec.ts';
import type { EventLog, LogRecord, Reader } from '../../../platform/event-log/event-log.ts';
import type { Logger } from '../../../platform/log/log.ts';

/** Records of one partition, handed over one by one; at most one batch waits here. */
interface Feed<T> {
  /** The next one without taking it; undefined at the end. */
  peek(): Promise<T | undefined>;
  take(): void;
  close(): Promise<void>;
}

export interface ExportOptions<T> {
  readonly topic: string;
  readonly wanted: (value: T) => boolean;
  /** Milliseconds since the epoch; the order of the export. */
  readonly timeOf: (value: T) => number;
}

type Deps = { readonly eventLog: EventLog; readonly log: Logger };

async function openFeed<T>(
  { eventLog, log }: Deps,
  partition: number,
  codec: Codec<T>,
  options: ExportOptions<T>,
): Promise<Feed<T>> {
  let batch: T[] = [];
  let at = 0;
  let ended = false;
  let failure: unknown;
  let wakeTaker = (): void => undefined;
  let wakeLog = (): void => undefined;
  const end = (error?: unknown): void => {
    failure ??= error;
    ended = true;
    wakeTaker();
    wakeLog();
  };
  const decode = ({ value, offset }: LogRecord): T | undefined => {
    const read = value === null ? undefined : codec.decode(value);
    if (read?.ok === false)
      log.warn({ topic: options.topic, offset, reason: read.reason }, 'a record cannot be exported');
    return read?.ok === true && options.wanted(read.value) ? read.value : undefined;
  };
  const reader: Reader = await eventLog.read({
    topic: options.topic,
    partition,
    async onRecords(records) {
      const found = records.map(decode).filter((value) => value !== undefined);
      if (ended || found.length === 0) return;
      batch = found;
      at = 0;
      wakeTaker();
      await new Promise<void>((resolve) => {
        wakeLog = resolve;
      });
    },
    onFailure: end,
  });
  // Everything up to the end of this moment; what comes later is not part of this export.
  reader.caughtUp().then(() => end(), end);
  return {
    async peek() {
      while (at >= batch.length && !ended)
        await new Promise<void>((resolve) => {
          wakeTaker = resolve;
        });
      if (failure !== undefined) throw failure;
      return batch[at];
    },
    take() {
      at += 1;
      if (at >= batch.length) wakeLog();
    },
    async close() {
      end();
      await reader.close();
    },
  };
}

/** The values one by one, oldest first as far as the partitions' own order allows. Ends its readers when it ends. */
export async function* exportTopic<T>(
  deps: Deps,
  codec: Codec<T>,
  options: ExportOptions<T>,
): AsyncGenerator<T> {
  const feeds: Feed<T>[] = [];
  try {
    const partitions = await deps.eventLog.partitions(options.topic);
    for (let partition = 0; partition < partitions; partition += 1)
      feeds.push(await openFeed(deps, partition, codec, options));
    for (;;) {
      let oldest: { feed: Feed<T>; value: T; time: number } | undefined;
      for (const feed of feeds) {
        const value = await feed.peek();
        if (value === undefined) continue;
        const time = options.timeOf(value);
        if (oldest === undefined || time < oldest.time) oldest = { feed, value, time };
      }
      if (oldest === undefined) return;
      oldest.feed.take();
      yield oldest.value;
    }
  } finally {
    await Promise.all(feeds.map((feed) => feed.close()));
  }
}
