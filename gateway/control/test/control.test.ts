import assert from 'node:assert/strict';
import { test } from 'node:test';
import Value from 'typebox/value';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import type { ControlStore } from '../../../platform/control-store/control-store.ts';
import { createInProcessControlStore } from '../../../platform/control-store/sqlite/sqlite-control-store.ts';
import { ControlStoreConfig } from '../../../schemas/config/control-store.ts';
import { createCodec } from '../../../schemas/codec.ts';
import { createAccess } from '../../access/create-access.ts';
import { parseToken } from '../../access/token-format.ts';
import { makeVerifier } from '../../access/scram-verifier.ts';
import { createTokenStore } from '../../access/token-store.ts';
import type { Lockout } from '../../../schemas/types.ts';
import { gatewayConfig, lockout } from '../../sessions/test/harness.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createControlView, type ControlSubject } from '../control-view.ts';
import { playRelay } from './play-relay.ts';
import { createControlWriter, type ControlCall, type LockoutCall } from '../control-writer.ts';
import { createLease, waitInForce } from '../lease.ts';
import { republishIfBehind } from '../republish.ts';
import type { StoredIdentity } from '../token-index.ts';

const codec = createCodec('control-record');
function setUp(extra: Parameters<typeof gatewayConfig>[0] = {}) {
  const clock = createManualClock();
  const random = createSeededRandom(3);
  const storeConfig = {
    ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig),
    file: ':memory:',
    transactionTimeoutMs: 600_000,
  };
  const store: ControlStore = createInProcessControlStore({ clock }, storeConfig);
  const config = gatewayConfig(extra);
  const view = createControlView({ clock });
  const writer = createControlWriter({ store, clock, random, codec }, config);
  const tokens = createTokenStore({ store, clock, random }, config);
  let held = true;
  const access = createAccess(
    { tokens, view, lease: { held: () => held }, clock, decoySecret: Buffer.alloc(32, 1) },
    config,
  );
  const relay = (): Promise<number> => playRelay(store, view);
  const setHeld = (now: boolean): void => {
    held = now;
  };
  return { clock, store, config, view, writer, tokens, access, relay, setHeld };
}
const account = (id: string, extra: Partial<StoredIdentity> = {}): StoredIdentity => ({
  id,
  kind: 'service_account',
  displayName: id,
  groups: ['ci'],
  onBehalfOf: [],
  breakGlass: false,
  attributes: {},
  ...extra,
});
const call = (extra: Partial<ControlCall> = {}): ControlCall => ({
  by: 'responder',
  reason: 'stolen',
  incidentId: 'i1',
  idempotencyKey: null,
  ...extra,
});
const lock = (subject: string, extra: Partial<LockoutCall> = {}): LockoutCall => ({
  ...call(),
  subjectKind: 'identity',
  subject,
  ttlMs: null,
  exerciseId: null,
  automation: null,
  ...extra,
});
const subject = (extra: Partial<ControlSubject> = {}): ControlSubject => ({
  sessionId: 's',
  tokenId: 't',
  identityId: 'countersign/ci',
  credentialSource: null,
  connection: 'main',
  exerciseId: null,
  ...extra,
});
const issue = (identityId: string, extra = {}) => ({
  identityId,
  connections: ['*'],
  ttlMs: 60_000,
  credentialSource: 'ci/main' as string | null,
  attributes: {},
  by: 'admin',
  ...extra,
});

test('expiry: sessions and tokens are free again, identities and credential sources await a release', () => {
  const { clock, view } = setUp();
  const expiresAt = clock.now() + 1000;
  view.apply('lockout/a', {
    revision: 1,
    time: 0,
    body: lockout({ lockoutId: 'a', subjectKind: 'session', subject: 's', expiresAt }),
  });
  assert.equal(view.check(subject())?.error.code, 'LOCKED_OUT');
  clock.advance(1000);
  assert.equal(view.check(subject()), undefined);
  view.apply('lockout/b', {
    revision: 2,
    time: 0,
    body: lockout({ lockoutId: 'b', expiresAt: clock.now() + 1000 }),
  });
  clock.advance(1000);
  assert.equal(view.check(subject())?.error.code, 'LOCKOUT_AWAITS_RELEASE');
  view.apply('lockout/b', {
    revision: 3,
    time: 0,
    body: lockout({ lockoutId: 'b', releasedAt: 1, releasedBy: 'ann' }),
  });
  assert.equal(view.check(subject()), undefined);
});

test('an older record that comes again does not win over a newer one', () => {
  const { view } = setUp();
  view.apply('lockout/b', {
    revision: 3,
    time: 0,
    body: lockout({ lockoutId: 'b', releasedAt: 1, releasedBy: 'ann' }),
  });
  view.apply('lockout/b', { revision: 2, time: 0, body: lockout({ lockoutId: 'b' }) });
  assert.equal(view.check(subject()), undefined);
  assert.equal(view.appliedRevision(), 3);
});

test('a lockout of a credential source revokes its tokens for good, also after release', async () => {
  const { writer, tokens, access, relay, view } = setUp();
  await tokens.putIdentity(account('countersign/ci'));
  const issued = await tokens.issue(issue('countersign/ci'));
  const other = await tokens.issue(issue('countersign/ci', { credentialSource: 'elsewhere' }));
  assert.ok(issued.ok && other.ok);
  const before = await access.verifyToken(issued.value.token);
  assert.ok(before.ok && access.admit(before.value, 'main').ok);
  const locked = await writer.lockout(lock('ci/main', { subjectKind: 'credential_source' }));
  assert.ok(locked.ok && locked.value.tokensRevoked === 1);
  assert.equal(await relay(), 2);
  assert.equal(view.appliedRevision(), locked.value.revision);
  const refused = access.admit(before.value, 'main');
  assert.ok(!refused.ok && refused.error.code === 'TOKEN_REVOKED');
  assert.ok((await writer.release(locked.value.lockout.lockoutId, call({ by: 'ann' }))).ok);
  await relay();
  assert.ok(!access.admit(before.value, 'main').ok);
  assert.ok(!(await access.verifyToken(issued.value.token)).ok);
  assert.ok((await access.verifyToken(other.value.token)).ok);
});

test('the budget bounds automation over identities, not people; a refusal costs nothing', async () => {
  const { writer, clock, config, relay } = setUp({ lockoutBudget: { identitiesMax: 2, windowMs: 60_000 } });
  void config;
  const automation = {};
  assert.ok((await writer.lockout(lock('x/1', { automation }))).ok);
  assert.ok((await writer.lockout(lock('x/1', { automation }))).ok);
  assert.ok((await writer.lockout(lock('x/2', { automation }))).ok);
  const third = await writer.lockout(lock('x/3', { automation }));
  assert.ok(!third.ok && third.error.code === 'LOCKOUT_BUDGET_EXHAUSTED');
  assert.ok((await writer.lockout(lock('x/3'))).ok);
  assert.equal(await relay(), 4);
  clock.advance(60_001);
  const narrow = { budget: { name: 'p', identitiesMax: 1, windowMs: 60_000 } };
  assert.ok((await writer.lockout(lock('x/4', { automation: narrow }))).ok);
  assert.ok(!(await writer.lockout(lock('x/5', { automation: narrow }))).ok);
  assert.ok((await writer.lockout(lock('x/5', { automation }))).ok);
});

test('break-glass identities are exempt from automation only', async () => {
  const { writer, tokens } = setUp({ breakGlassIdentities: ['sso/root'] });
  await tokens.putIdentity(account('countersign/glass', { breakGlass: true }));
  for (const id of ['sso/root', 'countersign/glass']) {
    const refused = await writer.lockout(lock(id, { automation: {} }));
    assert.ok(!refused.ok && refused.error.code === 'LOCKOUT_BREAK_GLASS');
    assert.ok((await writer.lockout(lock(id))).ok);
  }
});

test('one idempotency key takes effect once; another call under it is refused', async () => {
  const { writer, relay } = setUp();
  const first = await writer.lockout(lock('x/1', { idempotencyKey: 'k' }));
  const second = await writer.lockout(lock('x/1', { idempotencyKey: 'k' }));
  assert.deepEqual(second, first);
  assert.equal(await relay(), 1);
  const other = await writer.lockout(lock('x/2', { idempotencyKey: 'k' }));
  assert.ok(!other.ok && other.error.code === 'CONTROL_KEY_REUSED');
  const missing = await writer.release('nothing', call());
  assert.ok(!missing.ok && missing.error.code === 'LOCKOUT_ABSENT');
});

test('lease: held while the store answers, lost without it or when the view falls behind, back by itself', async () => {
  const { store, clock, view, writer, relay, config } = setUp();
  let away = false;
  const flaky: ControlStore = {
    ...store,
    transact: (work) => (away ? Promise.reject(new Error('away')) : store.transact(work)),
  };
  const lease = createLease(
    { store: flaky, view, clock, log: silentLogger },
    { ...config, epoch: 1, home: 'here' },
  );
  const changes: boolean[] = [];
  lease.onChange((held) => changes.push(held));
  await lease.start();
  assert.ok(lease.held());
  const settle = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 50) {
      clock.advance(50);
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      await store.revision();
    }
  };
  await settle(3000);
  assert.ok(lease.held());
  away = true;
  await settle(2100);
  assert.ok(!lease.held());
  away = false;
  await settle(600);
  assert.ok(lease.held());
  const locked = await writer.lockout(lock('x/1'));
  assert.ok(locked.ok);
  const waiting = waitInForce({ store, clock }, locked.value.revision, 100);
  await settle(200);
  assert.equal(await waiting, false, 'recorded, but not applied');
  await settle(3000);
  assert.ok(!lease.held(), 'the view has been behind for longer than a lease');
  await relay();
  await settle(100);
  assert.ok(lease.held());
  assert.equal(await waitInForce({ store, clock }, locked.value.revision, 100), true);
  assert.deepEqual(changes, [true, false, true, false, true]);
  await lease.stop();
  assert.equal((await store.list('leases', { limit: 10 })).length, 0);
});

test('tokens: format with checksum, hashed at rest, expiry, connections, unknown names', async () => {
  const { tokens, access, clock, store, setHeld } = setUp();
  assert.ok(!(await tokens.issue(issue('countersign/nobody'))).ok);
  await tokens.putIdentity(account('countersign/ci'));
  const tooLong = await tokens.issue(issue('countersign/ci', { ttlMs: 1e15 }));
  assert.ok(!tooLong.ok && tooLong.error.code === 'TOKEN_TTL_TOO_LONG');
  const issued = await tokens.issue(issue('countersign/ci', { connections: ['main'] }));
  assert.ok(issued.ok);
  const { token, userName, stored } = issued.value;
  assert.match(token, /^cst_[0-9a-z]{26}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/);
  assert.deepEqual(parseToken(token), { tokenId: stored.tokenId });
  const changed = `${token.slice(0, 40)}${token[40] === 'a' ? 'b' : 'a'}${token.slice(41)}`;
  assert.equal(parseToken(changed), undefined);
  assert.ok(!JSON.stringify(await store.list('tokens', { limit: 10 })).includes(token.slice(31, 63)));
  const byName = await access.scramCandidate('ci');
  const byId = await access.scramCandidate(userName);
  assert.equal(byName.token?.tokenId, stored.tokenId);
  assert.equal(byId.token?.tokenId, stored.tokenId);
  const { verifier } = byId;
  assert.deepEqual(makeVerifier(token, verifier.salt, verifier.iterations), verifier);
  const nobody = await access.scramCandidate('nobody');
  assert.equal(nobody.token, undefined);
  assert.deepEqual(await access.scramCandidate('nobody'), nobody);
  const other = await access.scramCandidate(`other#${stored.tokenId}`);
  assert.equal(other.token, undefined, 'a token id under a foreign name is nobody');
  const verified = await access.verifyToken(token);
  assert.ok(verified.ok);
  const elsewhere = access.admit(verified.value, 'other');
  assert.ok(!elsewhere.ok && elsewhere.error.code === 'TOKEN_CONNECTION_DENIED');
  setHeld(false);
  assert.ok(!access.admit(verified.value, 'main').ok);
  setHeld(true);
  assert.ok(access.admit(verified.value, 'main').ok);
  clock.advance(60_000);
  const expired = access.admit(verified.value, 'main');
  assert.ok(!expired.ok && expired.error.code === 'TOKEN_EXPIRED');
  assert.ok(!(await access.verifyToken(token)).ok);
});

test('a log that lost control records gets them anew from the store', async () => {
  const { store, clock, writer, tokens, relay, view } = setUp();
  await tokens.putIdentity(account('countersign/ci'));
  const issued = await tokens.issue(issue('countersign/ci'));
  assert.ok(issued.ok);
  assert.ok((await writer.lockout(lock('countersign/ci'))).ok);
  assert.equal(await republishIfBehind({ store, codec, clock }, view), 0, 'they are on their way');
  const lost = await store.outbox(10);
  await store.acknowledgeOutbox(lost.at(-1)!.sequence);
  assert.equal(await republishIfBehind({ store, codec, clock }, view), 2);
  await relay();
  const { tokenId } = issued.value.stored;
  assert.equal(view.check(subject({ tokenId }))?.error.code, 'TOKEN_REVOKED');
  assert.equal(view.check(subject())?.error.code, 'LOCKED_OUT');
  assert.equal(await republishIfBehind({ store, codec, clock }, view), 0);
});

test('a decided lockout is told of before it is written, and only where nothing refuses it', async () => {
  const { clock, store, config, view } = setUp();
  const decided: Lockout[] = [];
  const writer = createControlWriter(
    {
      store,
      clock,
      random: createSeededRandom(5),
      codec,
      onDecided(lockout) {
        assert.equal(view.appliedRevision(), 0);
        decided.push(lockout);
      },
    },
    { ...config, breakGlassIdentities: ['countersign/root'] },
  );
  const made = await writer.lockout(lock('countersign/ci', { automation: {} }));
  assert.ok(made.ok);
  assert.deepEqual(decided, [made.value.lockout]);
  assert.equal(view.checkBy(decided[0]!, subject())?.lockoutId, made.value.lockout.lockoutId);
  assert.equal(view.checkBy(decided[0]!, subject({ identityId: 'countersign/other' })), undefined);
  assert.equal(view.check(subject()), undefined);
  const refused = await writer.lockout(lock('countersign/root', { automation: {} }));
  assert.equal(refused.ok, false);
  assert.equal(decided.length, 1);
});
