/** Connections that one gateway adds are the other's too: same store, same vault key. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Value from 'typebox/value';
import { createEmbeddedVault } from '../../gateway/credentials/embedded-vault.ts';
import { createManualClock, createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { createInProcessControlStore } from '../../platform/control-store/sqlite/sqlite-control-store.ts';
import { ControlStoreConfig } from '../../schemas/config/control-store.ts';
import { createConnections } from '../gateway/connections.ts';

test('what is added, changed and removed at one gateway is so at the other within a second', async () => {
  const clock = createManualClock();
  const store = createInProcessControlStore(
    { clock },
    { ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig), file: ':memory:', foreignPollMs: 0 },
  );
  const gateway = async (seed: number) => {
    const vault = await createEmbeddedVault(
      { store, random: createSeededRandom(seed) },
      { key: Buffer.alloc(32, 1) },
    );
    const connections = createConnections(
      { store, vault, clock, readSecret: () => Promise.reject(new Error('none')) },
      [],
    );
    await connections.start();
    return connections;
  };
  const [one, other] = [await gateway(1), await gateway(2)];
  const caller = { by: 'ann', idempotencyKey: null };
  const second = async (): Promise<void> => {
    clock.advance(1000);
    for (let turn = 0; turn < 20; turn += 1) await store.revision();
  };
  const put = (password: string, port: number) =>
    one.service.put(
      'main',
      {
        protocol: 'postgres',
        host: 'db',
        port,
        role: 'app',
        tls: 'verify-full',
        labels: {},
        credential: { password },
      },
      caller,
    );
  assert.ok((await put('first', 5432)).ok);
  await second();
  const found = other.find('main');
  assert.equal(found?.port, 5432);
  assert.deepEqual(await other.credential(found), { username: 'app', password: 'first' });
  assert.ok((await put('second', 5433)).ok);
  await second();
  assert.equal(other.find('main')?.port, 5433);
  assert.deepEqual(await other.credential(found), { username: 'app', password: 'second' });
  assert.ok(await other.service.remove('main', caller));
  await second();
  assert.equal(one.find('main'), undefined);
  one.stop();
  other.stop();
});
