/** Gateways' clocks differ: that must never make a lockout count as in force before every gateway has it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Value from 'typebox/value';
import type { Clock } from '../../../platform/clock/clock.ts';
import { createManualClock } from '../../../platform/clock/manual-clock.ts';
import { createInProcessControlStore } from '../../../platform/control-store/sqlite/sqlite-control-store.ts';
import { ControlStoreConfig } from '../../../schemas/config/control-store.ts';
import { gatewayConfig, lockout } from '../../sessions/test/harness.ts';
import { quietLog } from '../../sessions/test/quiet.ts';
import { createControlView } from '../control-view.ts';
import { createLease, waitInForce } from '../lease.ts';

async function setUp(behindMs: number) {
  const clock = createManualClock();
  const behind: Clock = { ...clock, now: () => clock.now() - behindMs };
  const store = createInProcessControlStore(
    { clock },
    { ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig), file: ':memory:', foreignPollMs: 0 },
  );
  const view = createControlView({ clock: behind });
  const lease = createLease(
    { store, view, clock: behind, log: quietLog },
    { ...gatewayConfig({ id: 'other' }), epoch: 1 },
  );
  await lease.start();
  const settle = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5) {
      clock.advance(5);
      for (let turn = 0; turn < 20; turn += 1) await store.revision();
    }
  };
  return { clock, store, view, lease, settle };
}

test('a gateway whose clock is behind is waited for as long as it renews its lease', async () => {
  const { clock, store, view, lease, settle } = await setUp(5000);
  let answer: boolean | undefined;
  const waiting = waitInForce({ store, clock }, 3, 10_000).then((inForce) => (answer = inForce));
  await settle(3000);
  assert.ok(lease.held());
  assert.equal(answer, undefined, 'the other gateway lives and has not applied it');
  view.apply('lockout/l1', { revision: 3, time: 0, body: lockout() });
  await settle(600);
  await waiting;
  assert.equal(answer, true);
});

test('a gateway that has died is waited for no longer than its lease, and later not at all', async () => {
  const { clock, store, settle } = await setUp(5000);
  // Its last renewal: from here on nothing of it runs.
  const [entry] = await store.list('leases', { limit: 1 });
  assert.ok(entry !== undefined);
  const dead = { ...store, list: () => Promise.resolve([entry]) } as unknown as typeof store;
  let answer: boolean | undefined;
  const waiting = waitInForce({ store: dead, clock }, 3, 10_000).then((inForce) => (answer = inForce));
  await settle(1500);
  assert.equal(answer, undefined);
  await settle(1000);
  await waiting;
  assert.equal(answer, true);
  await settle(20_000);
  assert.equal(await waitInForce({ store: dead, clock }, 3, 0), true);
});
