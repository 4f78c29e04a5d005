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

type Prepared = { readonly record: LogRecord; readonly item: WriteItem };
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

  const prepare = (record: LogRecord, value: Uint8Array): Prepared | Given => {
    const decoded = codec.decode(value);
    if (!decoded.ok) return { record, code: 'INGEST_UNREADABLE', reason: decoded.reason };
    const { id, document, version } = mapping.map(decoded.value);
    return { record, item: { id, document, ...(version === undefined ? {} : { version }) } };
  };

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

  const write = async (partition: number, items: readonly WriteItem[]): Promise<WriteOutcome[]> => {
    let mayRepeat = !settled.has(partition);
    const outcomes = await retry(async () => {
      try {
        return mapping.write === 'upsert'
          ? await searchIndex.upsert(mapping.index, items)
          : await searchIndex.create(mapping.index, items, { mayRepeat });
      } catch (error) {
        // A part of it may be there.
        mayRepeat = true;
        settled.delete(partition);
        throw error;
      }
    });
    if (outcomes.every(({ outcome }) => outcome === 'created')) settled.add(partition);
    return outcomes;
  };

  return {
    onAssigned(partitions) {
      for (const { partition } of partitions) settled.delete(partition);
    },
    async onBatch(records) {
      const prepared: Prepared[] = [];
      const given: Given[] = [];
      for (const record of records) {
        // A tombstone forgets a key in the log; what it said stays searchable until retention.
        if (record.value === null) continue;
        const result = prepare(record, record.value);
        if ('item' in result) prepared.push(result);
        else given.push(result);
      }
      if (prepared.length > 0) {
        const items = prepared.map(({ item }) => item);
        const outcomes = await write(prepared[0]!.record.partition, items);
        outcomes.forEach((outcome, at) => {
          if (outcome.outcome === 'rejected')
            given.push({ record: prepared[at]!.record, code: 'INGEST_REJECTED', reason: outcome.reason });
          else counted.add(1, { topic: mapping.topic, outcome: outcome.outcome });
        });
      }
      for (const one of given) await giveUp(one);
    },
  };
}
