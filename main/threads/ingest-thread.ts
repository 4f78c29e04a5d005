/** Ingest and the index that it writes, on a thread of their own. */
import { createIngestRole } from '../../ingest/ingest-role.ts';
import { createEmbeddedSearchIndex } from '../../platform/search-index/embedded/embedded-search-index.ts';
import type { IngestConfig } from '../../schemas/config/ingest.ts';
import type { SearchIndexConfig } from '../../schemas/config/search-index.ts';
import { hostRole } from './host-role.ts';

export interface IngestThreadConfig {
  readonly ingest: IngestConfig;
  readonly searchIndex: SearchIndexConfig & { readonly file: string };
}

hostRole<IngestThreadConfig>(async ({ config, eventLog, clock, log, metrics }) => {
  const searchIndex = await createEmbeddedSearchIndex(config.searchIndex);
  const role = createIngestRole({ eventLog, searchIndex, clock, log, metrics }, config.ingest);
  return { role, close: () => searchIndex.close() };
});
