import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { it } from 'node:test';
import { createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { createKeyedHmac } from '../keyed-hmac.ts';

it('is HMAC-SHA256, for keys and data of any length', () => {
  const random = createSeededRandom(3);
  for (const keyBytes of [0, 1, 32, 63, 64, 65, 200]) {
    const key = Buffer.from(random.bytes(keyBytes));
    const hmac = createKeyedHmac(key);
    for (const dataBytes of [0, 1, 55, 64, 5000]) {
      const data = Buffer.from(random.bytes(dataBytes));
      assert.deepEqual(hmac(data), createHmac('sha256', key).update(data).digest());
    }
    assert.deepEqual(hmac('grüße'), createHmac('sha256', key).update('grüße').digest());
  }
});
