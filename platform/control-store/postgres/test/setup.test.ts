/** The first start, the rights it needs, and what is said when something is wrong. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { makeLoopbackCertificate } from '../../../../main/tls.ts';
import { createSystemClock } from '../../../clock/system-clock.ts';
import { startStoreServer, type StoreServer } from './support.ts';

const code = (name: string) => (error: unknown) => {
  assert.equal((error as { code?: string }).code, name, (error as Error).message);
  return true;
};

describe('setting up', () => {
  let servers: StoreServer;
  before(async () => {
    servers = await startStoreServer();
  });
  after(() => servers.stop());

  it('lays out once when several start at the same time', async () => {
    const schema = servers.newSchema();
    const stores = await Promise.all([1, 2, 3, 4].map(() => servers.open({ schema })));
    await Promise.all(stores.map((store, n) => store.transact((tx) => tx.put('c', String(n), {}))));
    assert.equal(await stores[0]!.revision(), 4);
    assert.deepEqual(await servers.query(`select version from "${schema}".layout`), [{ version: 1 }]);
    for (const store of stores) await store.close();
  });

  it('needs no more than docs/control-store.md grants once the tables are there', async () => {
    const schema = servers.newSchema();
    await (await servers.open({ schema })).close();
    await servers.query(`
      create role gateways login password 'of-the-gateways';
      grant usage on schema "${schema}" to gateways;
      grant select, insert, update, delete on all tables in schema "${schema}" to gateways;`);
    const store = await servers.open({ schema, user: 'gateways' }, { password: 'of-the-gateways' });
    await store.transact(async (tx) => {
      await tx.put('c', 'a', { n: 1 });
      await tx.publish('topic', 'a', null);
    });
    await store.transact((tx) => tx.delete('c', 'a'));
    await store.acknowledgeOutbox((await store.outbox(1))[0]!.sequence);
    assert.deepEqual(await store.list('c', { limit: 1 }), []);
    await store.close();
    await assert.rejects(
      servers.open({ schema: 'nowhere', user: 'gateways' }, { password: 'of-the-gateways' }),
      code('CONTROL_STORE_RIGHTS'),
    );
    await servers.query(`revoke insert on "${schema}".entries from gateways`);
    const poor = await servers.open({ schema, user: 'gateways' }, { password: 'of-the-gateways' });
    await assert.rejects(
      poor.transact((tx) => tx.put('c', 'a', {})),
      code('CONTROL_STORE_RIGHTS'),
    );
    await poor.close();
  });

  it('says what is wrong with login, certificate, server and configuration', async () => {
    await assert.rejects(servers.open({}, { password: 'wrong' }), (error) => {
      assert.ok(!(error as Error).message.includes('wrong'), 'no secret in the error');
      return code('CONTROL_STORE_REFUSED')(error);
    });
    await assert.rejects(servers.open({ database: 'absent' }), code('CONTROL_STORE_REFUSED'));
    const other = await makeLoopbackCertificate(createSystemClock().now());
    const caFile = `${servers.caFile}.other`;
    writeFileSync(caFile, other.certificatePem);
    await assert.rejects(
      servers.open({ tls: { mode: 'verify-full', caFile } }),
      code('CONTROL_STORE_CERTIFICATE'),
    );
    // The authority is right, the name is not.
    await assert.rejects(
      servers.open({ hosts: [{ host: '127.0.0.2', port: servers.server.port }], transactionTimeoutMs: 300 }),
      (error) =>
        ['CONTROL_STORE_CERTIFICATE', 'CONTROL_STORE_UNAVAILABLE'].includes((error as { code: string }).code),
    );
    await assert.rejects(servers.open({ tls: { mode: 'verify-full' } }), code('CONTROL_STORE_CERTIFICATE'));
    await assert.rejects(
      servers.open({ tls: { mode: 'verify-full', caFile: '/nowhere/ca.pem' } }),
      code('CONTROL_STORE_CONFIG'),
    );
    await assert.rejects(
      servers.open({ hosts: [{ host: '127.0.0.1', port: 1 }], transactionTimeoutMs: 300 }),
      code('CONTROL_STORE_UNAVAILABLE'),
    );
    await assert.rejects(servers.open({ password: { vault: 'x' } }), code('CONTROL_STORE_CONFIG'));
  });

  it('refuses a layout of a newer version', async () => {
    const schema = servers.newSchema();
    await (await servers.open({ schema })).close();
    await servers.query(`update "${schema}".layout set version = 99`);
    await assert.rejects(servers.open({ schema }), code('CONTROL_STORE_VERSION'));
  });

  it('is bounded: the outbox, and calls that wait', async () => {
    const store = await servers.open({ outboxEntriesMax: 2, transactionsMax: 1, callsWaitingMax: 1 });
    const publish = (key: string): Promise<void> => store.transact((tx) => tx.publish('topic', key, null));
    await publish('a');
    await publish('b');
    await assert.rejects(
      store.transact(async (tx) => {
        await tx.put('c', 'a', {});
        await tx.publish('topic', 'c', null);
      }),
      code('CONTROL_STORE_OUTBOX_FULL'),
    );
    assert.equal(await store.get('c', 'a'), undefined);
    await store.acknowledgeOutbox(1);
    await publish('c');
    const gate = Promise.withResolvers<void>();
    const first = store.transact(() => gate.promise);
    const second = store.transact(async () => 2);
    await assert.rejects(
      store.transact(async () => 3),
      code('CONTROL_STORE_BUSY'),
    );
    // A lease does not wait behind them.
    await store.transact((tx) => tx.put('leases', 'a', {}), { flush: false });
    gate.resolve();
    await first;
    assert.equal(await second, 2);
    await store.close();
    await assert.rejects(store.get('c', 'a'), code('CONTROL_STORE_UNAVAILABLE'));
  });
});
