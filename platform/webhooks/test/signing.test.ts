import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSigningKey, signatures } from '../signing.ts';

describe('platform: signatures of webhooks', () => {
  it('are those of the specification’s own example', () => {
    // Example of standardwebhooks.com: the libraries' test vector.
    const key = readSigningKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    assert.ok(key);
    const body = Buffer.from('{"test": 2432232314}');
    const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
    assert.equal(signatures([key], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, body), signature);
    assert.equal(
      signatures([key, key], 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, body),
      `${signature} ${signature}`,
    );
  });
});
