import { join } from 'node:path';
import type { SearchIndex } from '../../platform/search-index/search-index.ts';
import type { Config } from '../../schemas/config/config.ts';
import type { AdapterDeps } from './adapter-deps.ts';

export type SearchIndexSettings = Pick<Config, 'searchIndex' | 'ingest' | 'dataFolder'>;

/** The search index that the configuration names; the embedded one may be opened by two threads of one process. */
export async function openSearchIndex(
  deps: AdapterDeps,
  { searchIndex: config, dataFolder }: SearchIndexSettings,
): Promise<SearchIndex> {
  if (config.kind === 'elasticsearch') {
    const { createElasticsearchIndex } =
      await import('../../platform/search-index/elasticsearch/elasticsearch-index.ts');
    return createElasticsearchIndex(deps, config.elasticsearch);
  }
  const { createEmbeddedSearchIndex } =
    await import('../../platform/search-index/embedded/embedded-search-index.ts');
  return createEmbeddedSearchIndex({ ...config, file: join(dataFolder, 'index.sqlite') });
}
