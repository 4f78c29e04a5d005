import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveOptions } from '../options.ts';
import { postgresProtocol } from '../protocol.ts';

describe('connections without TLS', () => {
  const check = (host: string, options: object): string | undefined =>
    postgresProtocol.checkConnection!({ name: 'main', host, options })?.code;

  it('are for this machine only', () => {
    assert.equal(check('db.example.com', { sslMode: 'disable' }), 'POSTGRES_TLS_DISABLED');
    assert.equal(check('10.0.0.5', { sslMode: 'disable' }), 'POSTGRES_TLS_DISABLED');
    for (const host of ['127.0.0.1', '::1', 'localhost'])
      assert.equal(check(host, { sslMode: 'disable' }), undefined);
    for (const options of [{}, { sslMode: 'require' }, { sslMode: 'verify-full' }])
      assert.equal(check('db.example.com', options), undefined);
  });

  it('send no credential in the clear even where nobody checked', () => {
    assert.equal(
      resolveOptions({ sslMode: 'disable' }, { host: 'db.example.com', port: 5432 }).sslMode,
      'verify-full',
    );
  });
});
