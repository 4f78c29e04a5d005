import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLoopback, normalAddress, sourceNetwork } from '../address.ts';

describe('platform: addresses', () => {
  const networks: readonly (readonly [string, string | undefined])[] = [
    ['203.0.113.77', '203.0.113.0/24'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['::FFFF:203.0.113.77', '203.0.113.0/24'],
    ['::ffff:cb00:714d', '203.0.113.0/24'],
    ['0:0:0:0:0:ffff:203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:1:2::3', '2001:db8:1::/48'],
    ['2001:DB8:0001::3', '2001:db8:1::/48'],
    ['2001:db8::3', '2001:db8:0::/48'],
    ['2001:db8::', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
    ['fe80::1%eth0', 'fe80:0:0::/48'],
    ['1:2:3:4:5:6:7:8', '1:2:3::/48'],
    ['::ffff:0:203.0.113.77', '0:0:0::/48'],
    ['', undefined],
    ['unknown', undefined],
    ['203.0.113', undefined],
    ['203.0.113.999', undefined],
    ['2001:db8', undefined],
  ];
  for (const [address, network] of networks)
    it(`the network of ${JSON.stringify(address)}`, () => assert.equal(sourceNetwork(address), network));

  it('takes the clothes off', () => {
    assert.equal(normalAddress('::ffff:10.1.2.3'), '10.1.2.3');
    assert.equal(normalAddress('fe80::1%eth0'), 'fe80::1');
    assert.equal(normalAddress('db.example'), 'db.example');
  });
  it('knows this machine, and nothing that only looks like it', () => {
    for (const host of [
      '127.0.0.1',
      '127.1.2.3',
      '::1',
      '0:0:0:0:0:0:0:1',
      '::ffff:127.0.0.9',
      '::ffff:7f00:1',
      'localhost',
    ])
      assert.ok(isLoopback(host), host);
    for (const host of [
      '10.0.0.1',
      '::',
      '127.evil.example',
      '127.0.0.1.example',
      '0.0.0.0',
      '::ffff:10.0.0.1',
      '',
    ])
      assert.ok(!isLoopback(host), host);
  });
});
