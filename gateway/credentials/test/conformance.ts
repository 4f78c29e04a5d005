/** What every vault must do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Vault } from '../vault.ts';

export function vaultConformance(name: string, create: () => Promise<Vault>): void {
  test(`${name}: keeps versions, lists by prefix, forgets`, async () => {
    const vault = await create();
    assert.equal(await vault.get('a/b'), undefined);
    assert.equal(await vault.put('a/b', 'one'), 1);
    assert.equal(await vault.put('a/b', 'two ✓'), 2);
    assert.equal(await vault.put('a/c', ''), 1);
    assert.deepEqual(await vault.get('a/b'), { value: 'two ✓', version: 2 });
    assert.deepEqual(await vault.get('a/b', 1), { value: 'one', version: 1 });
    assert.equal(await vault.get('a/b', 3), undefined);
    assert.deepEqual(await vault.get('a/c'), { value: '', version: 1 });
    assert.deepEqual(await vault.list('a/', 10), ['a/b', 'a/c']);
    assert.deepEqual(await vault.list('a/', 1), ['a/b']);
    assert.equal(await vault.delete('a/b'), true);
    assert.equal(await vault.delete('a/b'), false);
    assert.equal(await vault.get('a/b'), undefined);
  });
  test(`${name}: keeps ten versions and refuses what is too large`, async () => {
    const vault = await create();
    for (let n = 1; n <= 12; n += 1) assert.equal(await vault.put('p', `v${n}`), n);
    assert.equal(await vault.get('p', 2), undefined);
    assert.equal((await vault.get('p', 3))?.value, 'v3');
    await assert.rejects(async () => vault.put('p', 'x'.repeat(65_537)), { code: 'VAULT_INVALID' });
    await assert.rejects(async () => vault.put('no spaces', 'x'), { code: 'VAULT_INVALID' });
  });
}
