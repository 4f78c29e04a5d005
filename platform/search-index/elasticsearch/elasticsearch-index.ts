/** Search index on Elasticsearch 8.19 or 9: one data stream per topic, plain indices for what is replaced by id (docs/elasticsearch.md). */
import type { ElasticsearchConfig } from '../../../schemas/config/elasticsearch.ts';
import type { Clock, Random } from '../../clock/clock.ts';
import { checkAggregate, checkIndex, checkSearch, checkSelection } from '../bounds.ts';
import type { SearchIndex } from '../search-index.ts';
import { createBulk } from './bulk.ts';
import { connect, type ConnectionDeps } from './connection.ts';
import { createExpiry } from './expiry.ts';
import { probeFeatures, type Features } from './features.ts';
import { createReads } from './reads.ts';
import { createStreams } from './streams.ts';
import { createTemplates } from './templates.ts';
import { createWrites } from './writes.ts';

export interface ElasticsearchIndexDeps extends ConnectionDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** Backing indices that `get` asks at once; a document is nearly always in one of the newest. */
const GET_PARTS_MAX = 100;

/**
 * Opens the index. It need not be there yet: what it can do is asked at the first use, and asked again until it answers. Rejects with
 * SEARCH_INDEX_CREDENTIAL for a credential that cannot be used, and with the errors of `readSecret`.
 */
export async function createElasticsearchIndex(
  deps: ElasticsearchIndexDeps,
  config: ElasticsearchConfig,
): Promise<SearchIndex> {
  const log = deps.log.child({ component: 'search-index' });
  const connection = await connect({ ...deps, log }, config);
  const closing = new AbortController();
  const bulk = createBulk({ ...deps, connection, signal: closing.signal }, config.bulk);

  const open = (features: Features) => {
    const templates = createTemplates(config, features);
    const streams = createStreams({ connection, log, templates }, config);
    return {
      streams,
      writes: createWrites({ ...deps, connection, bulk, streams }, config),
      reads: createReads(connection, streams.nameOf),
      expiry: createExpiry({ connection, bulk, streams, features, log }, config),
    };
  };
  let opened: Promise<ReturnType<typeof open>> | undefined;
  const parts = (): Promise<ReturnType<typeof open>> => {
    opened ??= probeFeatures(connection, log)
      .then(open)
      .catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
    return opened;
  };

  return {
    async create(index, items, { mayRepeat = false } = {}) {
      checkIndex(index);
      return (await parts()).writes.create(index, items, mayRepeat);
    },
    async upsert(index, items) {
      checkIndex(index);
      return (await parts()).writes.upsert(index, items);
    },
    async get(index, id) {
      checkIndex(index);
      const { streams, reads } = await parts();
      // What others rolled over since is newer than what is known here.
      streams.forget(index);
      const names = (await streams.parts(index)).map(({ name }) => name).toReversed();
      return reads.get(id, names.slice(0, GET_PARTS_MAX));
    },
    async search(query) {
      checkSearch(query);
      return (await parts()).reads.search(query);
    },
    async count(query) {
      checkSelection(query);
      return (await parts()).reads.count(query);
    },
    async aggregate(query) {
      checkAggregate(query);
      return (await parts()).reads.aggregate(query);
    },
    async refresh() {
      await connection.request('POST', `/${config.indexPrefix}-*/_refresh?ignore_unavailable=true`);
    },
    async expire(index, before) {
      checkIndex(index);
      return (await parts()).expiry.expire(index, before);
    },
    async retain(index, keepDays) {
      checkIndex(index);
      return (await parts()).expiry.retain(index, keepDays);
    },
    async close() {
      closing.abort(new Error('the search index is closed'));
      await connection.close();
    },
  };
}
