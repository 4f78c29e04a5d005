import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Value from 'typebox/value';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import type { ControlStore, JsonObject } from '../../../platform/control-store/control-store.ts';
import { createInProcessControlStore } from '../../../platform/control-store/sqlite/sqlite-control-store.ts';
import { ControlStoreConfig } from '../../../schemas/config/control-store.ts';
import { createEmbeddedVault } from '../embedded-vault.ts';
import { readVaultKey } from '../vault-key.ts';
import { vaultConformance } from './conformance.ts';

const random = createSeededRandom(5);
const key = Buffer.alloc(32, 7);
const newStore = (): ControlStore =>
  createInProcessControlStore(
    { clock: createManualClock() },
    { ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig), file: ':memory:' },
  );

vaultConformance('embedded', () => createEmbeddedVault({ store: newStore(), random }, { key }));

test('a wrong key is said at once; nothing is stored in the clear', async () => {
  const store = newStore();
  const vault = await createEmbeddedVault({ store, random }, { key });
  await vault.put('target', 'hunter2 hunter2');
  await assert.rejects(createEmbeddedVault({ store, random }, { key: Buffer.alloc(32, 8) }), {
    code: 'VAULT_KEY_WRONG',
  });
  assert.ok(!JSON.stringify(await store.list('vault', { limit: 10 })).includes('hunter2'));
});

test('records cannot be exchanged between paths or versions', async () => {
  const store = newStore();
  const vault = await createEmbeddedVault({ store, random }, { key });
  await vault.put('a', 'one');
  await vault.put('b', 'two');
  const entry = await store.get('vault', 'b');
  await store.transact((transaction) => transaction.put('vault', 'a', entry!.value));
  await assert.rejects(vault.get('a'), { code: 'VAULT_RECORD_DAMAGED' });
  const { versions } = entry!.value as unknown as { versions: JsonObject[] };
  await store.transact((transaction) =>
    transaction.put('vault', 'b', { versions: [{ ...versions[0]!, version: 2 }] }),
  );
  await assert.rejects(vault.get('b'), { code: 'VAULT_RECORD_DAMAGED' });
});

test('rotation re-wraps: the new key opens everything, the old one nothing', async () => {
  const store = newStore();
  const vault = await createEmbeddedVault({ store, random }, { key });
  for (let n = 0; n < 20; n += 1) await vault.put(`p${n}`, `v${n}`);
  const wrapped = vault.wrap('recording', Buffer.alloc(32, 9));
  const newKey = Buffer.alloc(32, 1);
  await vault.rotate(newKey);
  assert.equal((await vault.get('p3'))?.value, 'v3');
  await assert.rejects(createEmbeddedVault({ store, random }, { key }), { code: 'VAULT_KEY_WRONG' });
  const again = await createEmbeddedVault({ store, random }, { key: newKey });
  assert.equal((await again.get('p19'))?.value, 'v19');
  assert.deepEqual(again.unwrap('recording', wrapped), Buffer.alloc(32, 9));
  assert.equal(again.unwrap('other', wrapped), undefined);
});

test('the key comes from a private file, the environment or a command', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vault-key-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'key');
  writeFileSync(file, `${key.toString('hex')}\n`, { mode: 0o600 });
  assert.deepEqual(await readVaultKey({ file }, {}), key);
  chmodSync(file, 0o644);
  await assert.rejects(readVaultKey({ file }, {}), { code: 'VAULT_KEY_INVALID' });
  await assert.rejects(readVaultKey({ file: join(folder, 'absent') }, {}), { code: 'VAULT_KEY_INVALID' });
  assert.deepEqual(await readVaultKey({ env: 'K' }, { K: key.toString('base64') }), key);
  await assert.rejects(readVaultKey({ env: 'K' }, {}), { code: 'VAULT_KEY_INVALID' });
  await assert.rejects(readVaultKey({ env: 'K' }, { K: 'short' }), { code: 'VAULT_KEY_INVALID' });
  const command = [process.execPath, '-p', `'${key.toString('hex')}'`] as const;
  assert.deepEqual(await readVaultKey({ command: [...command] }, {}), key);
  await assert.rejects(readVaultKey({ command: [process.execPath, '-e', 'process.exit(1)'] }, {}), {
    code: 'VAULT_KEY_INVALID',
  });
});
