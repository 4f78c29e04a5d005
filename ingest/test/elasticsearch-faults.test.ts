/** Ingest into a real Elasticsearch that is killed, full, blocked and hanging: nothing may be missing, nothing twice. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import Value from 'typebox/value';
import { createCodec } from '../../schemas/codec.ts';
import { ElasticsearchConfig } from '../../schemas/config/elasticsearch.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import { createSystemRandom } from '../../platform/clock/system-clock.ts';
import type { Role } from '../../platform/lifecycle/role.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { createElasticsearchIndex } from '../../platform/search-index/elasticsearch/elasticsearch-index.ts';
import type { SearchIndex } from '../../platform/search-index/search-index.ts';
import { lacking } from '../../test/servers/available.ts';
import {
  startElasticsearch,
  type TestElasticsearch,
} from '../../test/servers/elasticsearch/elasticsearch.ts';
import { until, type Patience } from '../../test/support/until.ts';
import { createIngestRole } from '../ingest-role.ts';
import { clock, ingestConfig, openStage, sampleOf, type Stage } from './stage.ts';

const EVENTS = TOPICS.sessionEvents.name;
const codec = createCodec('session-event');

/** Room for about 100 of our documents at once, and one bulk request under way with one waiting. */
const TINY = [
  'indexing_pressure.memory.limit: 400kb',
  'thread_pool.write.size: 1',
  'thread_pool.write.queue_size: 1',
];

/** Asks a few times a second only: each question costs the server a refresh. */
const PATIENCE: Patience = { mostMs: 120_000, pauseMs: 200 };

interface Load {
  readonly stage: Stage;
  readonly index: SearchIndex;
  readonly role: Role;
  /** Appends so many events to all partitions. */
  append(count: number): Promise<void>;
  /** Waits until all are searchable, each once, and none is in dead-letters. */
  settled(): Promise<void>;
  count(): Promise<number>;
}

describe('ingest into Elasticsearch', { skip: lacking('elasticsearch') }, () => {
  let server: TestElasticsearch;
  before(async () => {
    server = await startElasticsearch({ settings: TINY });
  });
  after(() => server?.stop());

  let prefixes = 0;
  async function start(t: TestContext): Promise<Load> {
    const stage = await openStage(t);
    prefixes += 1;
    const config = Value.Parse(
      ElasticsearchConfig,
      Value.Default(ElasticsearchConfig, {
        nodes: [server.url],
        indexPrefix: `fault${prefixes}`,
        replicasCount: 0,
        requestTimeoutMs: 8000,
        circuitDelayMs: 50,
        bulk: { retryDelayMsMin: 5, retryDelayMsMax: 20, attemptsMax: 3 },
      }),
    );
    const deps = { clock, random: createSystemRandom(), log: silentLogger, metrics: stage.metrics };
    const readSecret = (): Promise<string> => Promise.reject(new Error('no secrets here'));
    const index = await createElasticsearchIndex({ ...deps, readSecret }, config);
    const { eventLog } = stage;
    const role = createIngestRole(
      { ...deps, eventLog, searchIndex: index },
      { ...ingestConfig(), batchRecordsMax: 200, retryDelayMsMin: 50, retryDelayMsMax: 200 },
    );
    await role.start();
    t.after(async () => {
      await role.stop(5000);
      await index.close();
    });

    const sample = sampleOf<SessionEvent>('session-event', 'request');
    let made = 0;
    const count = async (): Promise<number> => {
      await index.refresh();
      return index.count({ index: 'session-events' });
    };
    return {
      stage,
      index,
      role,
      count,
      async append(events) {
        for (let left = events; left > 0; left -= 50) {
          const values = Array.from({ length: Math.min(50, left) }, () => {
            made += 1;
            return codec.encode({ ...sample, eventId: `e${made}`, time: clock.now() });
          });
          await stage.append(EVENTS, `key ${made}`, values);
        }
      },
      async settled() {
        await until('all are indexed', async () => (await count().catch(() => -1)) >= made, PATIENCE);
        const seen = new Set<string>();
        for (let next: string | undefined; ;) {
          const query = {
            index: 'session-events',
            limit: 1000,
            ...(next === undefined ? {} : { after: next }),
          };
          const page = await index.search(query);
          for (const { id } of page.hits) {
            assert.ok(!seen.has(id), `${id} is there twice`);
            seen.add(id);
          }
          if ((next = page.next) === undefined) break;
        }
        assert.equal(seen.size, made);
        assert.equal(await index.count({ index: 'dead-letters' }), 0);
        await until('ready', () => role.health().ready, PATIENCE);
      },
    };
  }

  it('fits its requests to a server that has room for little', async (t) => {
    const load = await start(t);
    await load.append(1500);
    await load.settled();
    const text = await load.stage.metrics.expose();
    const sentAgain = Number(/^countersign_search_index_sent_again_total (\d+)/m.exec(text)?.[1]);
    assert.ok(sentAgain > 0, 'the server has refused some');
    const documents = Number(/^countersign_search_index_bulk_documents (\d+)/m.exec(text)?.[1]);
    assert.ok(documents < 500, 'requests have become smaller');
  });

  it('goes on where it was after the server was killed under load', async (t) => {
    const load = await start(t);
    await load.append(1000);
    // A server this small may refuse to count as well.
    await until('some are indexed', async () => (await load.count().catch(() => 0)) > 100, PATIENCE);
    await server.kill9();
    await load.append(1000);
    await until('it says that it waits', () => !load.role.health().ready, PATIENCE);
    assert.match(await load.stage.metrics.expose(), /^countersign_search_index_circuit_open 1/m);
    await server.restart();
    await load.append(500);
    await load.settled();
    assert.match(await load.stage.metrics.expose(), /^countersign_search_index_circuit_open 0/m);
  });

  it('waits while the disk of the server is full (flood stage), and rolls over in the meantime', async (t) => {
    const load = await start(t);
    const name = `fault${prefixes}-session-events`;
    await load.append(300);
    await load.settled();
    const block = (on: boolean | null) =>
      server.request('PUT', `${name}/_settings`, { 'index.blocks.read_only_allow_delete': on });
    await block(true);
    await load.append(500);
    await until(
      'it says why it waits',
      () => /read-only|FORBIDDEN|TOO_MANY/.test(load.role.health().reason ?? ''),
      PATIENCE,
    );
    assert.equal(await load.count(), 300);
    await block(null);
    await server.request('POST', `${name}/_rollover`);
    await load.settled();
  });

  it('doubles nothing when the answer to a request comes too late, even over a rollover', async (t) => {
    const load = await start(t);
    await load.append(200);
    await load.settled();
    server.freeze();
    try {
      await load.append(600);
      await until('it says that it waits', () => !load.role.health().ready, PATIENCE);
    } finally {
      server.thaw();
    }
    await server.request('POST', `fault${prefixes}-session-events/_rollover`);
    await load.settled();
  });

  it('indexes a second delivery of everything as nothing', async (t) => {
    const load = await start(t);
    await load.append(600);
    await load.settled();
    await server.request('POST', `fault${prefixes}-session-events/_rollover`);
    await load.role.stop(5000);
    // Another group: all is delivered from the start, as after a lost offset.
    const deps = { clock, log: silentLogger, metrics: load.stage.metrics, writerName: 'second' };
    const { consume } = load.stage.eventLog;
    const eventLog = {
      ...load.stage.eventLog,
      consume: (options: Parameters<typeof consume>[0]) =>
        consume({ ...options, group: `${options.group}.second` }),
    };
    const second = createIngestRole({ ...deps, eventLog, searchIndex: load.index }, ingestConfig());
    await second.start();
    t.after(() => second.stop(5000));
    const repeats = async (): Promise<number> => {
      const text = await load.stage.metrics.expose();
      return Number(/^countersign_search_index_repeats_total\{found="before"\} (\d+)/m.exec(text)?.[1] ?? 0);
    };
    await until('all are found to be there', async () => (await repeats()) >= 600, PATIENCE);
    assert.equal(await load.count(), 600);
  });
});
