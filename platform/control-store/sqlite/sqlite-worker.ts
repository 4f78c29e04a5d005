import { workerData } from 'node:worker_threads';
import { serveWorker } from '../../worker-thread/worker-host.ts';
import { SqliteCore, type SqliteCoreConfig } from './sqlite-core.ts';

serveWorker(() => {
  const core = new SqliteCore(workerData as SqliteCoreConfig);
  return {
    open: () => undefined,
    get: core.get.bind(core),
    list: core.list.bind(core),
    revision: core.revision.bind(core),
    commit: core.commit.bind(core),
    outbox: core.outbox.bind(core),
    acknowledgeOutbox: core.acknowledgeOutbox.bind(core),
    lastPublished: core.lastPublished.bind(core),
    close: core.close.bind(core),
  };
});
