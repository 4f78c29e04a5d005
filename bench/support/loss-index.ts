/** A real Elasticsearch that takes the events of `bench kafka-loss` by id. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Value } from 'typebox/value';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import type { LogRecord } from '../../platform/event-log/event-log.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../platform/metrics/prom-metrics.ts';
import { createElasticsearchIndex } from '../../platform/search-index/elasticsearch/elasticsearch-index.ts';
import { ElasticsearchConfig } from '../../schemas/config/elasticsearch.ts';
import { startElasticsearch } from '../../test/servers/elasticsearch/elasticsearch.ts';
import { numberOf } from './loss-counter.ts';

export interface LossIndex {
  /** Resolves when all are in; tries again while the index has no room. */
  add(records: readonly LogRecord[]): Promise<void>;
  /** Documents that a search finds. */
  count(): Promise<number>;
  close(): Promise<void>;
}

const INDEX = 'session-events';
const AGAIN_MS = 500;

export async function openLossIndex(): Promise<LossIndex> {
  const server = await startElasticsearch({ steady: true });
  const deps = {
    clock: createSystemClock(),
    random: createSystemRandom(),
    log: silentLogger,
    metrics: createPromMetrics(),
    readSecret: async () => '',
  };
  const config = Value.Default(ElasticsearchConfig, { nodes: [server.url] }) as ElasticsearchConfig;
  const index = await createElasticsearchIndex(deps, config);
  // As the indexer does it: looked up everywhere at first and after a failure, until a whole batch was new.
  let mayRepeat = true;
  return {
    async add(records) {
      const items = records.map((record) => ({
        id: String(numberOf(record)),
        document: { '@timestamp': record.timestamp, 'event.id': String(numberOf(record)) },
      }));
      for (;;) {
        try {
          const outcomes = await index.create(INDEX, items, { mayRepeat });
          const rejected = outcomes.find((one) => one.outcome === 'rejected');
          if (rejected !== undefined) throw new Error(`the index refuses an event: ${rejected.reason}`);
          mayRepeat = outcomes.some((one) => one.outcome !== 'created');
          return;
        } catch (error) {
          mayRepeat = true;
          if ((error as Error).message.startsWith('the index refuses')) throw error;
          await sleep(AGAIN_MS);
        }
      }
    },
    async count() {
      await index.refresh();
      return index.count({ index: INDEX });
    },
    async close() {
      await index.close();
      await server.stop();
    },
  };
}
