/** One batch of one topic's records into the search index. */
import type { Codec, SchemaTypes } from '../schemas/codec.ts';
import type { DocumentMapping } from '../schemas/ecs/documents.ts';
import { TOPICS } from '../schemas/topics.ts';
import type { DeadLetters } from '../platform/dead-letters/dead-letters.ts';
import type { Assignment, LogRecord } from '../platform/event-log/event-log.ts';
import type { Logger } from '../platform/log/log.ts';
import type { Metrics } from '../platform/metrics/metrics.ts';
import type { SearchIndex, WriteItem, WriteOutcome } from '../platform/search-index/search-index.ts';
import type { Retry } from './retry.ts';

export type IngestCodecs = { readonly [S in keyof SchemaTypes]?: Codec<SchemaTypes[S]> };

export interface TopicIndexerDeps {
  readonly mapping: DocumentMapping;
  readonly codec: Codec<SchemaTypes[keyof SchemaTypes]>;
  readonly searchIndex: SearchIndex;
  readonly deadLetters: DeadLetters;
  readonly retry: Retry;
  readonly log: Logger;
  readonly metrics: Metrics;
}

const STAGE = 'ingest/index';

type Given = {
  readonly record: LogRecord;
  readonly code: 'INGEST_UNREADABLE' | 'INGEST_REJECTED';
  readonly reason: string;
};

export interface TopicIndexer {
  /** Indexes a batch of one partition; resolves when each record is in the index or in dead-letters. */
  onBatch(records: readonly LogRecord[]): Promise<void>;
  /** What comes from these partitions next may have been indexed before, by whoever had them. */
  onAssigned(partitions: Assignment): void;
}

export function createTopicIndexer(deps: TopicIndexerDeps): TopicIndexer {
  const { mapping, codec, searchIndex, deadLetters, retry, log, metrics } = deps;
  const counted = metrics.counter('countersign_ingest_records_total', 'Records by what became of them.', [
    'topic',
    'outcome',
  ]);

  const itemOf = (value: SchemaTypes[keyof SchemaTypes]): WriteItem =>
    mapping.put === undefined
      ? mapping.map(value)
      : { ...mapping.name(value), document: (put) => mapping.put!(value, put) };

  /**
   * Reads the records one by one while the index takes them, so that only one is held as an object at a time: whole batches of them
   * would keep the garbage collector busy. `taken` and `given` are what became of them.
   */
  function* read(records: readonly LogRecord[], taken: LogRecord[], given: Given[]): Generator<WriteItem> {
    for (const record of records) {
      // A tombstone forgets a key in the log; what it said stays searchable until retention.
      if (record.value === null) continue;
      const decoded = codec.decode(record.value);
      if (decoded.ok) {
        taken.push(record);
        yield itemOf(decoded.value);
      } else given.push({ record, code: 'INGEST_UNREADABLE', reason: decoded.reason });
    }
  }

  const giveUp = async ({ record, code, reason }: Given): Promise<void> => {
    counted.add(1, { topic: mapping.topic, outcome: 'dead-letter' });
    if (mapping.topic === TOPICS.deadLetters.name && code === 'INGEST_REJECTED') {
      // A dead letter about a dead letter would be refused as well, for ever.
      log.error(
        { offset: record.offset, reason },
        'the search index refused a dead letter; it stays in its topic',
      );
      return;
    }
    await deadLetters.give(record, STAGE, code, reason);
  };

  /** Partitions that have given a batch in which all was new: what follows in them is new as well. */
  const settled = new Set<number>();

  const write = async (records: readonly LogRecord[]): Promise<Given[]> => {
    const { partition } = records[0]!;
    let mayRepeat = !settled.has(partition);
    return retry(async () => {
      const taken: LogRecord[] = [];
      const given: Given[] = [];
      const items = read(records, taken, given);
      let outcomes: WriteOutcome[];
      try {
        outcomes = await (mapping.write === 'upsert'
          ? searchIndex.upsert(mapping.index, items)
          : searchIndex.create(mapping.index, items, { mayRepeat }));
      } catch (error) {
        // A part of it may be there.
        mayRepeat = true;
        settled.delete(partition);
        throw error;
      }
      if (outcomes.length > 0 && outcomes.every(({ outcome }) => outcome === 'created'))
        settled.add(partition);
      for (const [at, outcome] of outcomes.entries())
        if (outcome.outcome === 'rejected')
          given.push({ record: taken[at]!, code: 'INGEST_REJECTED', reason: outcome.reason });
      for (const [outcome, { length }] of Map.groupBy(outcomes, (one) => one.outcome))
        if (outcome !== 'rejected') counted.add(length, { topic: mapping.topic, outcome });
      return given;
    });
  };

  return {
    onAssigned(partitions) {
      for (const { partition } of partitions) settled.delete(partition);
    },
    async onBatch(records) {
      if (records.length === 0) return;
      for (const one of await write(records)) await giveUp(one);
    },
  };
}
