/** Gateways' clocks differ: that must never make a lockout count as in force before every gateway has it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Value from 'typebox/value';
import { createManualClock } from '../../../platform/clock/manual-clock.ts';
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import { createInProcessControlStore } from '../../../platform/control-store/sqlite/sqlite-control-store.ts';
import { ControlStoreConfig } from '../../../schemas/config/control-store.ts';
import { gatewayConfig, lockout } from '../../sessions/test/harness.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { nextRevision, putHead } from '../control-head.ts';
import { createControlView } from '../control-view.ts';
import { createLease, waitInForce } from '../lease.ts';

/** Two machines, five seconds apart; each has a clock of its own, and time passes on both. */
async function setUp(apartMs: number) {
  const here = createManualClock();
  const there = createManualClock(here.now() + apartMs);
  const store = createInProcessControlStore(
    { clock: here },
    { ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig), file: ':memory:', foreignPollMs: 0 },
  );
  /** Cuts the other machine off. */
  const cut = { now: false };
  const link: ControlStore = {
    ...store,
    transact: (...given) => (cut.now ? Promise.reject(new Error('cut off')) : store.transact(...given)),
  };
  const gateway = async (id: string, clock: typeof here, own: ControlStore) => {
    const view = createControlView({ clock });
    const config = { ...gatewayConfig({ id }), epoch: 1, home: id };
    const lease = createLease({ store: own, view, clock, log: silentLogger }, config);
    await lease.start();
    return { view, lease };
  };
  const mine = await gateway('mine', here, store);
  const other = await gateway('other', there, link);
  const settle = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5) {
      here.advance(5);
      there.advance(5);
      for (let turn = 0; turn < 20; turn += 1) await store.revision();
    }
  };
  await settle(1000);
  let revision = 0;
  const lockOut = async (): Promise<number> => {
    revision = await store.transact(async (transaction) => {
      const next = await nextRevision(transaction);
      await putHead(transaction, { revision: next });
      return next;
    });
    mine.view.apply('lockout/l1', { revision, time: 0, body: lockout() });
    return revision;
  };
  const twin = (id: string, home: string, epoch = 1) =>
    createLease(
      { store, view: createControlView({ clock: here }), clock: here, log: silentLogger },
      { ...gatewayConfig({ id }), epoch, home },
    );
  return { here, store, mine, other, settle, cut, lockOut, twin };
}

for (const apartMs of [-5000, 5000, -3_600_000]) {
  test(`clocks ${apartMs} ms apart: a gateway is waited for as long as it renews its lease`, async () => {
    const { here, store, mine, other, settle, lockOut } = await setUp(apartMs);
    const revision = await lockOut();
    let answer: boolean | undefined;
    const deps = { store, clock: here, lease: mine.lease };
    const waiting = waitInForce(deps, revision, 30_000).then((inForce) => (answer = inForce));
    await settle(1500);
    assert.ok(other.lease.held());
    assert.equal(answer, undefined, 'the other gateway lives and has not applied it');
    await settle(1500);
    assert.ok(!other.lease.held(), 'its view has been behind for longer than a lease');
    assert.equal(answer, undefined, 'what it let in before may still be there');
    other.view.apply('lockout/l1', { revision, time: 0, body: lockout() });
    await settle(600);
    await waiting;
    assert.equal(answer, true);
    assert.ok(other.lease.held());
  });

  test(`clocks ${apartMs} ms apart: one that is cut off stops by itself before it counts as gone`, async () => {
    const { here, store, mine, other, settle, cut, lockOut } = await setUp(apartMs);
    cut.now = true;
    const revision = await lockOut();
    let answer: boolean | undefined;
    const deps = { store, clock: here, lease: mine.lease };
    const waiting = waitInForce(deps, revision, 30_000).then((inForce) => (answer = inForce));
    for (let passed = 0; passed < 5000 && answer === undefined; passed += 5) {
      await settle(5);
      if (answer === undefined) continue;
      assert.ok(!other.lease.held(), 'it knows that its view is stale');
    }
    await waiting;
    assert.equal(answer, true);
    assert.ok(mine.lease.held());
    // Back, with a view that lacks what was called in force without it.
    cut.now = false;
    await settle(1000);
    assert.ok(!other.lease.held(), 'a renewal alone does not make an old view fresh');
    other.view.apply('lockout/l1', { revision, time: 0, body: lockout() });
    await settle(600);
    assert.ok(other.lease.held());
  });
}

test('a gateway that died long ago is waited for no more, without a wait', async () => {
  const { here, store, mine, settle, cut, lockOut } = await setUp(5000);
  cut.now = true;
  await settle(5000);
  const revision = await lockOut();
  await settle(50);
  assert.equal(await waitInForce({ store, clock: here, lease: mine.lease }, revision, 0), true);
});

test('two gateways of one name: the second is refused while the first lives', async () => {
  const { settle, mine, twin } = await setUp(5000);
  const refused = assert.rejects(twin('mine', 'elsewhere').start(), { code: 'GATEWAY_ID_TAKEN' });
  await settle(1000);
  await refused;
  assert.ok(mine.lease.held());
});

test('a gateway that seemed dead is fenced by its successor; a restart in its own folder waits for nothing', async () => {
  const { settle, cut, other, twin } = await setUp(5000);
  cut.now = true;
  // A renewal that was on its way.
  await settle(20);
  const successor = twin('other', 'elsewhere');
  const started = successor.start();
  await settle(1900);
  assert.ok(!successor.held());
  await settle(700);
  await started;
  assert.ok(successor.held());
  cut.now = false;
  await settle(1000);
  assert.ok(successor.held());
  assert.ok(!other.lease.held() && other.lease.taken());
  const again = twin('other', 'elsewhere', 2);
  await again.start();
  assert.ok(again.held());
  // Also when its folder has lost count of its starts.
  const third = twin('other', 'elsewhere', 1);
  await third.start();
  assert.ok(third.held());
});

test('a store that has gone back behind the topic is raised, so that nothing counts as applied before it is', async () => {
  const { store, here, settle, mine } = await setUp(5000);
  // A running gateway has applied what the store, restored, does not know; and so has one that starts now.
  mine.view.apply('lockout/l0', { revision: 60, time: 0, body: lockout() });
  await settle(1500);
  assert.equal(await store.transact(nextRevision), 61);
  const late = createControlView({ clock: here });
  late.apply('lockout/l0', { revision: 120, time: 0, body: lockout() });
  const lease = createLease(
    { store, view: late, clock: here, log: silentLogger },
    { ...gatewayConfig({ id: 'late' }), epoch: 1, home: 'late' },
  );
  await lease.start();
  assert.equal(await store.transact(nextRevision), 121);
  assert.ok(lease.held());
});
