/** Ingest, the index that it writes, and the sinks, on a thread of their own. */
import { createIngestRole } from '../../ingest/ingest-role.ts';
import { createSinksRole } from '../../ingest/sinks/sinks-role.ts';
import { joinRoles } from '../../platform/lifecycle/join-roles.ts';
import type { Config } from '../../schemas/config/config.ts';
import { openSearchIndex, type SearchIndexSettings } from '../adapters/search-index.ts';
import { programVersion } from '../version.ts';
import { hostRole } from './host-role.ts';

export type IngestThreadConfig = SearchIndexSettings & Pick<Config, 'sinks'>;

hostRole<IngestThreadConfig>(async ({ config, ...around }) => {
  const searchIndex = await openSearchIndex(around, config);
  const ingest = createIngestRole(
    { ...around, searchIndex, writerName: `dead-letters/ingest/${around.processName}` },
    config.ingest,
  );
  const sinks = createSinksRole(
    { ...around, version: programVersion, writerName: `dead-letters/sinks/${around.processName}` },
    config.sinks,
  );
  return { role: joinRoles('ingest', [ingest, sinks]), close: () => searchIndex.close() };
});
