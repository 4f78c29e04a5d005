/** Ingest and the index that it writes, on a thread of their own. */
import { createIngestRole } from '../../ingest/ingest-role.ts';
import { openSearchIndex, type SearchIndexSettings } from '../adapters/search-index.ts';
import { hostRole } from './host-role.ts';

export type IngestThreadConfig = SearchIndexSettings;

hostRole<IngestThreadConfig>(async ({ config, ...around }) => {
  const searchIndex = await openSearchIndex(around, config);
  const writerName = `dead-letters/ingest/${around.processName}`;
  const role = createIngestRole({ ...around, searchIndex, writerName }, config.ingest);
  return { role, close: () => searchIndex.close() };
});
