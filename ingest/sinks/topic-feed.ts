/** One topic to one sink: a consumer group of its own, decoding, filter, dead-letters. */
import type { Codec, SchemaTypes } from '../../schemas/codec.ts';
import type { DocumentMapping } from '../../schemas/ecs/documents.ts';
import { toOcsf } from '../../schemas/ocsf/to-ocsf.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { DeadLetters } from '../../platform/dead-letters/dead-letters.ts';
import type { Consumer, EventLog, LogRecord } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Delivery, Item } from './deliver.ts';
import { sinkError } from './errors.ts';
import type { Matches } from './filter.ts';
import { toOutgoing } from './outgoing.ts';
import type { OutgoingDocument } from './sink.ts';
import type { SinkMeters } from './sink-meters.ts';

export interface FeedDeps {
  readonly eventLog: EventLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  readonly meters: SinkMeters;
  readonly codec: Codec<SchemaTypes[keyof SchemaTypes]>;
  readonly mapping: DocumentMapping;
  readonly matches: Matches;
  readonly delivery: Delivery;
  readonly stopping: AbortSignal;
  onProblem(problem: string | undefined): void;
}

export interface Feed {
  start(): Promise<void>;
  lag(): Promise<number>;
  close(): Promise<void>;
}

export type GiveUp = (record: LogRecord, code: string, reason: string) => Promise<void>;

/** Gives a record of a sink to dead-letters. */
export function createGiveUp(
  sink: string,
  { deadLetters, log, meters }: Pick<FeedDeps, 'deadLetters' | 'log' | 'meters'>,
): GiveUp {
  return async (record, code, reason) => {
    meters.record(record.topic, 'dead-letter');
    if (record.topic === TOPICS.deadLetters.name) {
      // A dead letter about a dead letter would be given to the same receiver, for ever.
      log.error(
        { offset: record.offset, code, reason },
        'a sink gave up a dead letter; it stays in its topic',
      );
      return;
    }
    await deadLetters.give(record, `ingest/sink/${sink}`, code, reason);
  };
}

export function createTopicFeed(
  deps: FeedDeps,
  config: {
    readonly name: string;
    readonly batchRecordsMax: number;
    readonly retryDelayMsMin: number;
    readonly retryDelayMsMax: number;
    readonly schema?: 'ecs' | 'ocsf';
  },
): Feed {
  const { eventLog, clock, log, mapping, meters, stopping } = deps;
  const giveUp = createGiveUp(config.name, deps);
  let consumer: Consumer | undefined;

  /** Undefined for what the sink's schema has no word for. */
  const outgoing = (value: SchemaTypes[keyof SchemaTypes]): OutgoingDocument | undefined => {
    const document = toOutgoing(mapping, mapping.map(value));
    if (config.schema !== 'ocsf') return document;
    const ocsf = toOcsf(mapping.schema, value);
    return ocsf === undefined ? undefined : { ...document, ocsf };
  };

  const onBatch = async (records: readonly LogRecord[]): Promise<void> => {
    const items: Item[] = [];
    for (const record of records) {
      // A tombstone forgets a key in the log; receivers keep what they were told.
      if (record.value === null) continue;
      const decoded = deps.codec.decode(record.value);
      if (!decoded.ok) {
        await giveUp(record, 'SINK_UNREADABLE', decoded.reason);
        continue;
      }
      const document = outgoing(decoded.value);
      if (document !== undefined && deps.matches(document.fields)) items.push({ record, document });
      else meters.record(record.topic, 'filtered');
    }
    await deps.delivery.deliver(items);
  };

  const open = async (): Promise<void> => {
    let failed = false;
    const opened = await eventLog.consume({
      group: `countersign.sink.${config.name}.${mapping.index}`,
      topics: [mapping.topic],
      startAt: 'earliest',
      batchRecordsMax: config.batchRecordsMax,
      commit: 'after-batch',
      onBatch,
      onFailure(error) {
        if (stopping.aborted || failed) return;
        failed = true;
        deps.onProblem((error as Error).message);
        log.error({ error }, 'a consumer of a sink stopped; starting it again');
        // Only stopping ends it early.
        reopen(config.retryDelayMsMin).catch(() => undefined);
      },
    });
    // It may have been stopped in the meantime, when there was no consumer to close yet.
    if (stopping.aborted) await opened.close();
    else consumer = opened;
  };
  /** A failed consumer still has to leave its group, or its partitions stay with it. */
  const reopen = async (firstDelayMs: number): Promise<void> => {
    await consumer?.close().catch(() => undefined);
    consumer = undefined;
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(config.retryDelayMsMax, delayMs * 2)) {
      await clock.sleep(delayMs, stopping);
      try {
        await open();
        return deps.onProblem(undefined);
      } catch (error) {
        if (stopping.aborted) throw sinkError('SINK_STOPPING', {}, error);
        log.warn({ error, delayMs }, 'a consumer of a sink could not be started; trying again');
      }
    }
  };

  return {
    start: open,
    lag: async () => (await consumer?.lag()) ?? 0,
    async close() {
      await consumer?.close();
    },
  };
}
