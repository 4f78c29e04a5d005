import assert from 'node:assert/strict';
import { test } from 'node:test';
import Value from 'typebox/value';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { createInProcessControlStore } from '../../../platform/control-store/sqlite/sqlite-control-store.ts';
import { createCodec } from '../../../schemas/codec.ts';
import { ControlStoreConfig } from '../../../schemas/config/control-store.ts';
import { createTokenStore } from '../../access/token-store.ts';
import { gatewayConfig } from '../../sessions/test/harness.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createControlWriter, type LockoutCall } from '../control-writer.ts';
import { createHousekeeping, KEYS_KEPT_MS } from '../housekeeping.ts';
import { createLeaseWatch } from '../lease-watch.ts';

const DAY_MS = 24 * 3_600_000;
const RETENTION_MS = 30 * DAY_MS;

function setUp() {
  const clock = createManualClock();
  const store = createInProcessControlStore(
    { clock },
    {
      ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig),
      file: ':memory:',
      foreignPollMs: 0,
      transactionTimeoutMs: 1e9,
    },
  );
  const random = createSeededRandom(3);
  const config = gatewayConfig();
  const writer = createControlWriter({ store, clock, random, codec: createCodec('control-record') }, config);
  const tokens = createTokenStore({ store, clock, random }, config);
  const settle = async (ms: number, stepMs: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += stepMs) {
      clock.advance(stepMs);
      for (let turn = 0; turn < 300; turn += 1) await Promise.resolve();
      await store.revision();
    }
  };
  const start = (holder: string) => {
    const leases = createLeaseWatch({ clock });
    const keeper = createHousekeeping(
      { store, clock, log: silentLogger, leases },
      { controlRetentionMs: RETENTION_MS, holder },
    );
    keeper.start();
    return { keeper, leases };
  };
  const ids = async (collection: string): Promise<string[]> =>
    (await store.list(collection, { limit: 10_000 })).map(({ id }) => id);
  return { clock, store, writer, tokens, settle, start, ids };
}
const lock = (subject: string, extra: Partial<LockoutCall> = {}): LockoutCall => ({
  by: 'responder',
  reason: 'stolen',
  incidentId: 'i1',
  idempotencyKey: subject,
  subjectKind: 'session',
  subject,
  ttlMs: null,
  exerciseId: null,
  automation: null,
  ...extra,
});

test('forgets what has ended long ago, and nothing that still refuses somebody', async () => {
  const { clock, store, writer, tokens, settle, start, ids } = setUp();
  const made = async (call: LockoutCall): Promise<string> => {
    const result = await writer.lockout(call);
    assert.ok(result.ok);
    return result.value.lockout.lockoutId;
  };
  const expired = await made(lock('expired', { ttlMs: 1000 }));
  const released = await made(lock('released'));
  assert.ok((await writer.release(released, lock('release'))).ok);
  const forGood = await made(lock('for good'));
  const awaiting = await made(lock('x/1', { subjectKind: 'identity', ttlMs: 1000 }));
  await tokens.putIdentity({
    id: 'countersign/ci',
    kind: 'service_account',
    displayName: 'CI',
    groups: [],
    onBehalfOf: [],
    breakGlass: false,
    attributes: {},
  });
  const issue = async (ttlMs: number): Promise<string> => {
    const issued = await tokens.issue({
      identityId: 'countersign/ci',
      connections: ['*'],
      ttlMs,
      credentialSource: 'ci/main',
      attributes: {},
      by: 'admin',
    });
    assert.ok(issued.ok);
    return issued.value.stored.tokenId;
  };
  const old = await issue(1000);
  assert.ok((await writer.revokeToken(old, { ...lock('revoke'), automation: null }))?.ok);
  const lasting = await issue(RETENTION_MS * 3);
  await store.acknowledgeOutbox(1e6);
  const { keeper } = start('a');
  await settle(2000, 500);
  clock.advance(KEYS_KEPT_MS - 60_000);
  await settle(5000, 200);
  assert.equal((await ids('idempotency')).length, 6, 'all within their time');
  assert.equal((await ids('lockouts')).length, 4);
  clock.advance(RETENTION_MS);
  await settle(900_000, 30_000);
  assert.deepEqual(await ids('idempotency'), []);
  assert.deepEqual(await ids('lockouts'), [forGood, awaiting].sort());
  assert.deepEqual(await ids('tokens'), [lasting]);
  assert.deepEqual(await ids('tokens-by-identity'), [`countersign/ci\n${lasting}`]);
  assert.deepEqual(await ids('tokens-by-source'), [`ci/main\n${lasting}`]);
  const forgotten = await store.outbox(100);
  assert.ok(forgotten.every(({ value }) => value === null));
  assert.deepEqual(
    new Set(forgotten.map(({ key }) => key)),
    new Set([`lockout/${expired}`, `lockout/${released}`, `token_revocation/${old}`]),
    'the topic forgets them too',
  );
  await keeper.stop();
});

test('one process at a time, in small transactions; what a dead gateway left goes with its lease', async () => {
  const { clock, store, settle, start, ids } = setUp();
  await store.transact(async (transaction) => {
    for (let n = 0; n < 1000; n += 1)
      await transaction.put('idempotency', `k${String(n).padStart(4, '0')}`, { call: '', answer: {}, at: 0 });
    for (const gateway of ['dead', 'living'])
      await transaction.put('leases', gateway, {
        epoch: 1,
        home: gateway,
        leaseMs: 2000,
        appliedRevision: 0,
      });
    await transaction.put('live-sessions', 's1', { gateway: 'dead', home: 'dead' });
    await transaction.put('live-sessions', 's2', { gateway: 'living', home: 'living' });
  });
  const one = start('a');
  const other = start('b');
  await settle(3000, 250);
  const left = (await ids('idempotency')).length;
  assert.ok(left < 1000);
  assert.equal((await store.get<{ holder: string }>('turns', 'housekeeping'))?.value.holder, 'a');
  assert.deepEqual(await ids('live-sessions'), ['s1', 's2'], 'it may come back');
  for (let n = 0; n < 60; n += 1) {
    await store.transact((transaction) =>
      transaction.put('leases', 'living', { epoch: 1, home: 'living', leaseMs: 2000, appliedRevision: n }),
    );
    for (const { leases } of [one, other]) leases.see(await store.list('leases', { limit: 10 }));
    await settle(15_000, 1000);
  }
  assert.deepEqual(await ids('idempotency'), []);
  assert.deepEqual(await ids('leases'), ['living']);
  assert.deepEqual(await ids('live-sessions'), ['s2']);
  await one.keeper.stop();
  await settle(40_000, 1000);
  assert.equal((await store.get<{ holder: string }>('turns', 'housekeeping'))?.value.holder, 'b');
  await other.keeper.stop();
  clock.advance(1);
});
