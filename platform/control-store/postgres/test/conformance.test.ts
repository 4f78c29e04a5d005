import { after, before, describe } from 'node:test';
import { createManualClock } from '../../../clock/manual-clock.ts';
import { describeControlStore } from '../../test/conformance.ts';
import { startStoreServer, type StoreServer } from './support.ts';

describe('postgres', () => {
  let servers: StoreServer;
  before(async () => {
    servers = await startStoreServer();
  });
  after(() => servers.stop());

  describeControlStore('postgres', async () => {
    const clock = createManualClock();
    const store = await servers.open({}, { clock });
    return { store, expireTransactions: () => clock.advance(5000), dispose: () => store.close() };
  });
});
