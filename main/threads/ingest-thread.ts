/** Ingest, the index that it writes, and the sinks, on a thread of their own. */
import { createIngestRole } from '../../ingest/ingest-role.ts';
import { createSinksRole } from '../../ingest/sinks/sinks-role.ts';
import { joinRoles } from '../../platform/lifecycle/join-roles.ts';
import type { Config } from '../../schemas/config/config.ts';
import { openSearchIndex, type SearchIndexSettings } from '../adapters/search-index.ts';
import { watchEventLog, withReachability } from '../reachability.ts';
import { programVersion } from '../version.ts';
import { hostRole } from './host-role.ts';

export type IngestThreadConfig = SearchIndexSettings &
  Pick<Config, 'sinks'> & {
    /** An event log that is away for longer makes the role not ready, milliseconds. */
    readonly awayMs: number;
  };

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
  const reachable = watchEventLog(around, config.awayMs);
  return {
    role: withReachability(joinRoles('ingest', [ingest, sinks]), [() => reachable.problem()]),
    async close() {
      reachable.stop();
      await searchIndex.close();
    },
  };
});
