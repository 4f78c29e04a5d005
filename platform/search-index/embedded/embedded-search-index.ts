/** Search index on SQLite with FTS5 in a worker thread: for one machine. */
import type { SearchIndexConfig } from '../../../schemas/config/search-index.ts';
import { createWorkerClient, workerModule } from '../../worker-thread/worker-client.ts';
import { checkAggregate, checkIndex, checkSearch, checkSelection } from '../bounds.ts';
import { documentOf } from '../document-fields.ts';
import { definitions, searchIndexError } from '../errors.ts';
import type { PlainItem } from './index-writes.ts';
import type {
  Bucket,
  IndexDocument,
  SearchIndex,
  SearchPage,
  WriteItem,
  WriteOutcome,
} from '../search-index.ts';

export type EmbeddedSearchIndexConfig = Pick<SearchIndexConfig, 'cacheBytesMax' | 'callsWaitingMax'> & {
  /** Absolute path of the database. */
  readonly file: string;
};

/** Documents in one transaction: longer ones would keep searches waiting. */
const WRITE_ITEMS_MAX = 1000;
const EXPIRE_ITEMS_MAX = 2000;

/** Opens (and creates) the index. Rejects with SEARCH_INDEX_UNAVAILABLE or SEARCH_INDEX_VERSION. */
export async function createEmbeddedSearchIndex(config: EmbeddedSearchIndexConfig): Promise<SearchIndex> {
  const worker = createWorkerClient({
    module: workerModule('index-worker', import.meta.url),
    data: { file: config.file, cacheBytesMax: config.cacheBytesMax },
    callsMax: config.callsWaitingMax,
    revive: ({ code, details, message }) =>
      code !== null && code in definitions
        ? searchIndexError(code as keyof typeof definitions, details)
        : searchIndexError('SEARCH_INDEX_UNAVAILABLE', { reason: message }),
    unavailable: (reason) => searchIndexError('SEARCH_INDEX_UNAVAILABLE', { reason }),
  });
  try {
    await worker.call('open');
  } catch (error) {
    await worker.close();
    throw error;
  }

  const write = async (
    index: string,
    items: Iterable<WriteItem>,
    upsert: boolean,
  ): Promise<WriteOutcome[]> => {
    checkIndex(index);
    const plain = Array.from(items, (item): PlainItem => ({ ...item, document: documentOf(item.document) }));
    const outcomes: WriteOutcome[] = [];
    for (let at = 0; at < plain.length; at += WRITE_ITEMS_MAX) {
      const part = plain.slice(at, at + WRITE_ITEMS_MAX);
      outcomes.push(...((await worker.call('write', index, part, upsert)) as WriteOutcome[]));
    }
    return outcomes;
  };

  return {
    create: (index, items) => write(index, items, false),
    upsert: (index, items) => write(index, items, true),
    async get(index, id) {
      checkIndex(index);
      return (await worker.call('get', index, id)) as IndexDocument | undefined;
    },
    async search(query) {
      checkSearch(query);
      return (await worker.call('search', query)) as SearchPage;
    },
    async count(query) {
      checkSelection(query);
      return (await worker.call('count', query)) as number;
    },
    async aggregate(query) {
      checkAggregate(query);
      return (await worker.call('aggregate', query)) as Bucket[];
    },
    // A write is visible once it has resolved; the call only waits for those before it.
    refresh: async () => void (await worker.call('open')),
    async expire(index, before) {
      checkIndex(index);
      let total = 0;
      for (let deleted = EXPIRE_ITEMS_MAX; deleted === EXPIRE_ITEMS_MAX; total += deleted) {
        deleted = (await worker.call('expire', index, before, EXPIRE_ITEMS_MAX)) as number;
      }
      return total;
    },
    close: () => worker.close(),
  };
}
