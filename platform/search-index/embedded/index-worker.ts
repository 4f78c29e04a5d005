import { workerData } from 'node:worker_threads';
import { serveWorker } from '../../worker-thread/worker-host.ts';
import { openIndexDatabase, type IndexDatabaseConfig } from './index-database.ts';
import { createIndexQueries } from './index-queries.ts';
import { createIndexWrites } from './index-writes.ts';

serveWorker(() => {
  const { database, fieldsAdded } = openIndexDatabase(workerData as IndexDatabaseConfig);
  const writes = createIndexWrites(database);
  if (fieldsAdded.length > 0) writes.fillLookups(fieldsAdded);
  const queries = createIndexQueries(database);
  return {
    open: () => undefined,
    write: writes.write,
    expire: writes.expire,
    get: queries.get,
    search: queries.search,
    count: queries.count,
    aggregate: queries.aggregate,
    close: () => database.sqlite.close(),
  };
});
