/** The certificate of listeners on loopback: kept while it is good, made anew where it is not. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { loopbackCertificate } from '../tls.ts';

const NOW = Date.UTC(2026, 0, 1);
const YEAR_MS = 366 * 24 * 3_600_000;

describe('the certificate of loopback', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-tls-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is kept: clients may pin it', async () => {
    const first = await loopbackCertificate(folder, NOW);
    assert.deepEqual(await loopbackCertificate(folder, NOW + 1000), first);
    assert.equal(readFileSync(first.certificateFile, 'utf8'), first.certificatePem);
    assert.equal(statSync(join(folder, 'loopback.key')).mode & 0o777, 0o600);
  });

  for (const [what, spoil] of [
    ['half a certificate', (file: string) => truncateSync(join(file, 'loopback.crt'), 100)],
    ['no key', (file: string) => rmSync(join(file, 'loopback.key'))],
    ['an empty key', (file: string) => truncateSync(join(file, 'loopback.key'), 0)],
    ['no certificate', (file: string) => rmSync(join(file, 'loopback.crt'))],
  ] as const)
    it(`is made anew where a killed start left ${what}`, async () => {
      const first = await loopbackCertificate(folder, NOW);
      spoil(folder);
      const again = await loopbackCertificate(folder, NOW);
      assert.notEqual(again.certificatePem, first.certificatePem);
      assert.deepEqual(await loopbackCertificate(folder, NOW), again);
    });

  it('is made anew where the key is of another, and when it is over', async () => {
    const first = await loopbackCertificate(folder, NOW);
    rmSync(join(folder, 'loopback.key'));
    rmSync(join(folder, 'loopback.crt'));
    const other = await loopbackCertificate(folder, NOW);
    writeFileSync(join(folder, 'loopback.crt'), first.certificatePem);
    const paired = await loopbackCertificate(folder, NOW);
    assert.notEqual(paired.certificatePem, first.certificatePem);
    assert.notEqual(paired.privateKeyPem, other.privateKeyPem);
    const later = await loopbackCertificate(folder, NOW + YEAR_MS);
    assert.ok(Date.parse(new X509Certificate(later.certificatePem).validTo) > NOW + YEAR_MS);
  });
});
