import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { datedId } from '../dated-id.ts';
import { sha256, sha256Hex } from '../sha256.ts';

describe('platform: digests', () => {
  it('are SHA-256 of the bytes, and of the UTF-8 of text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array()), fc.nat(64), (data, digits) => {
        const wanted = createHash('sha256').update(data).digest();
        assert.deepEqual(sha256(data), wanted);
        assert.equal(sha256Hex(data), wanted.toString('hex'));
        assert.equal(sha256Hex(data, digits), wanted.toString('hex').slice(0, digits));
      }),
      { seed: 5 },
    );
  });

  it('a dated id is a UUIDv7 of its time, the same for the same text and another for another', () => {
    const at = Date.UTC(2026, 10, 25);
    const id = datedId(at, 'one');
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16), at);
    assert.equal(datedId(at + 0.9, 'one'), id);
    assert.notEqual(datedId(at, 'two'), id);
    assert.match(datedId(-1, 'x'), /^00000000-0000-7/);
    assert.match(datedId(2 ** 60, 'x'), /^ffffffff-ffff-7/);
  });
});
