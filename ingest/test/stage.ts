/** A real event log and a real search index in a folder of their own, for tests of ingest. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import Value from 'typebox/value';
import { createCodec } from '../../schemas/codec.ts';
import { EventLogConfig } from '../../schemas/config/event-log.ts';
import { IngestConfig } from '../../schemas/config/ingest.ts';
import { sampleRecords } from '../../schemas/ecs/test/sample-record.ts';
import { TOPICS, type SchemaName } from '../../schemas/topics.ts';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { createNodeDisk } from '../../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../../platform/event-log/embedded/embedded-event-log.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import { createPromMetrics } from '../../platform/metrics/prom-metrics.ts';
import { createEmbeddedSearchIndex } from '../../platform/search-index/embedded/embedded-search-index.ts';
import type { SearchIndex } from '../../platform/search-index/search-index.ts';

export const clock = createSystemClock();

export interface Stage {
  readonly eventLog: EventLog;
  readonly searchIndex: SearchIndex;
  readonly metrics: Metrics;
  append(topic: string, key: string, values: readonly (Uint8Array | null)[]): Promise<void>;
}

export async function openStage(t: TestContext): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-'));
  const metrics = createPromMetrics();
  const eventLog = createEmbeddedEventLog(
    { disk: createNodeDisk(), clock, random: createSystemRandom(), log: silentLogger, metrics },
    Value.Parse(EventLogConfig, Value.Default(EventLogConfig, { folder: join(folder, 'log') })),
  );
  const searchIndex = await createEmbeddedSearchIndex({
    file: join(folder, 'index.db'),
    cacheBytesMax: 4 * 1024 * 1024,
    callsWaitingMax: 1000,
  });
  t.after(async () => {
    await searchIndex.close();
    await eventLog.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await eventLog.ensureTopics(
    Object.values(TOPICS).map(({ name, partitions, cleanup }) => ({
      name,
      partitions: partitions === 'single' ? 1 : 3,
      cleanup: cleanup === 'compact' ? 'compact' : 'delete',
    })),
  );
  const writer = await eventLog.writer('test');
  return {
    eventLog,
    searchIndex,
    metrics,
    async append(topic, key, values) {
      await writer.append(
        topic,
        values.map((value) => ({ key, value })),
      );
    },
  };
}

export const ingestConfig = (): IngestConfig =>
  Value.Parse(
    IngestConfig,
    Value.Default(IngestConfig, { retryDelayMsMin: 1, retryDelayMsMax: 5, batchRecordsMax: 50 }),
  );

/** A record of a schema with every field set; `kind` picks a branch of its body. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- says once what each caller would cast to
export function sampleOf<T>(schema: SchemaName, kind?: string): T {
  const samples = sampleRecords(createCodec(schema).schemaJson);
  const sample = kind === undefined ? samples[0] : samples.find((candidate) => candidate.kind === kind);
  if (sample === undefined) throw new Error(`${schema} has no kind ${kind}`);
  return sample.record as T;
}
