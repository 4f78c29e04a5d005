/** The latest of a topic in memory, newest first: for what people look at while an incident runs, ahead of the index. */
import type { Codec } from '../../../schemas/codec.ts';
import type { EventLog, LogRecord, Reader } from '../../../platform/event-log/event-log.ts';
import type { Logger } from '../../../platform/log/log.ts';
import type { Page } from '../../../schemas/api/common.ts';

export interface TopicView<T> {
  start(): Promise<void>;
  stop(): Promise<void>;
  get(id: string): T | undefined;
  /** Newest first by id order of arrival; `after` is the id that the page before ended with. */
  list(options: { readonly limit: number; readonly after?: string }, wanted: (value: T) => boolean): Page<T>;
  /** Takes a value that is on its way through the log already. */
  put(value: T): void;
  caughtUp(): Promise<void>;
}

export interface TopicViewOptions<T> {
  readonly topic: string;
  readonly codec: Codec<T>;
  readonly entriesMax: number;
  idOf(value: T): string;
  /** Does the new value replace the known one? */
  replaces(value: T, known: T): boolean;
}

export function createTopicView<T>(
  { eventLog, log }: { readonly eventLog: EventLog; readonly log: Logger },
  options: TopicViewOptions<T>,
): TopicView<T> {
  const byId = new Map<string, T>();
  let reader: Reader | undefined;
  const put = (value: T): void => {
    const id = options.idOf(value);
    const known = byId.get(id);
    if (known !== undefined && !options.replaces(value, known)) return;
    byId.delete(id);
    byId.set(id, value);
    if (byId.size > options.entriesMax) byId.delete(byId.keys().next().value!);
  };
  const onRecords = (records: readonly LogRecord[]): void => {
    for (const { value, offset } of records) {
      if (value === null) continue;
      const decoded = options.codec.decode(value);
      if (decoded.ok) put(decoded.value);
      else log.warn({ topic: options.topic, offset, reason: decoded.reason }, 'a record cannot be shown');
    }
  };
  return {
    async start() {
      reader = await eventLog.read({
        topic: options.topic,
        onRecords,
        onFailure: (error) =>
          log.error({ error, topic: options.topic }, 'a view of the control API has stopped'),
      });
    },
    async stop() {
      await reader?.close();
    },
    get: (id) => byId.get(id),
    list({ limit, after }, wanted) {
      const items: T[] = [];
      const newestFirst = [...byId.entries()].toReversed();
      const start = after === undefined ? 0 : newestFirst.findIndex(([id]) => id === after) + 1;
      for (const [id, value] of newestFirst.slice(start)) {
        if (!wanted(value)) continue;
        if (items.length === limit) return { items, next: options.idOf(items.at(-1)!) };
        if (byId.has(id)) items.push(value);
      }
      return { items };
    },
    put,
    async caughtUp() {
      await reader?.caughtUp();
    },
  };
}
