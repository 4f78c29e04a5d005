import { after, afterEach, before, beforeEach } from 'node:test';
import { startStoreServer, type StoreServer } from '../../../platform/control-store/postgres/test/support.ts';
import { startCluster, type Cluster } from './cluster.ts';

/** Within a `describe`: one PostgreSQL for all of its tests, and a cluster of its own for each. */
export function withClusters(): { readonly cluster: Cluster } {
  let servers: StoreServer;
  let cluster: Cluster;
  before(async () => {
    servers = await startStoreServer();
  });
  after(() => servers.stop());
  beforeEach(async () => {
    cluster = await startCluster(servers);
  });
  afterEach(() => cluster.stop());
  return {
    get cluster() {
      return cluster;
    },
  };
}
