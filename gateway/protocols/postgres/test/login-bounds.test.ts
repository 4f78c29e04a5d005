import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock, createSeededRandom } from '../../../../platform/clock/manual-clock.ts';
import { createCancelKeys } from '../login/cancel-keys.ts';
import { createPendingLogins } from '../../clients/pending-logins.ts';
import { createLoginThrottle } from '../../clients/throttle.ts';

describe('the login throttle', () => {
  it('makes a network wait after its failures, forgets with time, and leaves others alone', () => {
    const clock = createManualClock();
    const throttle = createLoginThrottle(clock, { failuresMax: 3, forgetMs: 1000, networksMax: 2 });
    for (let count = 0; count < 3; count += 1) {
      assert.equal(throttle.retryAfterSeconds('203.0.113.7'), 0);
      throttle.failed('203.0.113.7');
    }
    assert.equal(throttle.retryAfterSeconds('203.0.113.99'), 1);
    assert.equal(throttle.retryAfterSeconds('203.0.114.7'), 0);
    clock.advance(1000);
    assert.equal(throttle.retryAfterSeconds('203.0.113.7'), 0);
    // Bounded: the network seen longest ago is forgotten.
    throttle.failed('203.0.113.7');
    throttle.failed('198.51.100.1');
    throttle.failed('192.0.2.1');
    assert.equal(throttle.retryAfterSeconds('203.0.113.7'), 0);
  });
});

describe('pending logins', () => {
  it('turn the oldest away when full, once', () => {
    const pending = createPendingLogins(2);
    const away: string[] = [];
    const leave = ['a', 'b', 'c'].map((name) => pending.add(() => void away.push(name)));
    assert.deepEqual(away, ['a']);
    leave[1]!();
    pending.add(() => void away.push('d'));
    assert.deepEqual(away, ['a']);
    assert.equal(pending.size, 2);
  });
});

describe('cancel keys', () => {
  it('find a session by the whole pair only, until forgotten', () => {
    const keys = createCancelKeys(createSeededRandom(7));
    let cancelled = 0;
    const issued = keys.issue(32, () => (cancelled += 1));
    const other = keys.issue(32, () => (cancelled += 100));
    assert.equal(keys.cancel(issued.pid, other.key), false);
    assert.equal(keys.cancel(issued.pid, issued.key.subarray(0, 4)), false);
    assert.equal(keys.cancel(issued.pid + 1, issued.key), false);
    assert.equal(cancelled, 0);
    assert.equal(keys.cancel(issued.pid, issued.key), true);
    assert.equal(cancelled, 1);
    issued.forget();
    assert.equal(keys.cancel(issued.pid, issued.key), false);
  });
});
