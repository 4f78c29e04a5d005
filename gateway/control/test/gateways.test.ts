/** Two and three gateways on one PostgreSQL and one log. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../../test/support/until.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import { createAuditVerifier } from '../../recording/verify.ts';
import { codec, identity, opening } from '../../sessions/test/harness.ts';
import type { LockoutCall } from '../control-writer.ts';
import { listAuditKeys } from '../audit-keys.ts';
import type { Member } from './cluster.ts';
import { withClusters } from './with-clusters.ts';

const lock = (subject: string, extra: Partial<LockoutCall> = {}): LockoutCall => ({
  by: 'responder',
  reason: 'stolen',
  incidentId: 'i1',
  idempotencyKey: null,
  subjectKind: 'identity',
  subject,
  ttlMs: null,
  exerciseId: null,
  automation: null,
  ...extra,
});
const account = (id: string) => ({
  id,
  kind: 'service_account' as const,
  displayName: id,
  groups: [],
  onBehalfOf: [],
  breakGlass: false,
  attributes: {},
});
const issue = (identityId: string, extra = {}) => ({
  identityId,
  connections: ['*'],
  ttlMs: 60_000,
  credentialSource: null,
  attributes: {},
  by: 'admin',
  ...extra,
});
const sequenceOf = (read: ReturnType<typeof codec.decode>): number =>
  read.ok ? read.value.gateway.sequence : 0;
/** Opens a session at a gateway; it closes when it is told to end. */
function openAt({ core }: Member, extra: Parameters<typeof identity>[0] = {}) {
  const how = opening({ identity: identity(extra) });
  const result = core.sessions.open(how);
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return { how, session: result.session };
}

describe('several gateways', () => {
  const given = withClusters();
  const three = (): Promise<Member[]> =>
    Promise.all(['one', 'two', 'three'].map((id) => given.cluster.start(id)));

  it('start together for the first time with the same keys, and lay out one store', async () => {
    const members = await three();
    const [first] = members;
    for (const { hmacKey, core } of members) {
      assert.deepEqual(hmacKey, first!.hmacKey);
      assert.deepEqual(core.health(), { ready: true });
    }
    assert.deepEqual(
      await first!.core.access.scramCandidate('nobody'),
      await members[2]!.core.access.scramCandidate('nobody'),
    );
    const keys = await listAuditKeys(first!.store);
    assert.deepEqual(keys.map(({ gateway }) => gateway).sort(), ['one', 'three', 'two']);
    assert.equal(new Set(keys.map(({ keyId }) => keyId)).size, 3);
  });

  it('refuse a gateway with another vault key, and one whose id is taken', async () => {
    const member = await given.cluster.start('one');
    await assert.rejects(given.cluster.start('two', { vaultKey: Buffer.alloc(32, 2) }), {
      code: 'VAULT_KEY_WRONG',
    });
    await assert.rejects(given.cluster.start('one'), { code: 'GATEWAY_ID_TAKEN' });
    assert.ok(member.core.lease.held());
  });

  it('a token made at one opens at the other at once; revoked at one it works nowhere', async () => {
    const [one, two, other] = await three();
    await one!.core.tokens.putIdentity(account('countersign/ci'));
    const issued = await one!.core.tokens.issue(issue('countersign/ci'));
    assert.ok(issued.ok);
    for (const { core } of [two!, other!]) {
      const verified = await core.access.verifyToken(issued.value.token);
      assert.ok(verified.ok && core.access.admit(verified.value, 'main').ok);
    }
    const revoked = await two!.core.control.revokeToken(issued.value.stored.tokenId, {
      by: 'ann',
      reason: 'leaked',
      incidentId: null,
      idempotencyKey: null,
      automation: null,
    });
    assert.ok(revoked?.ok);
    assert.ok(await two!.inForce(revoked.value.revision));
    for (const { core } of [one!, two!, other!]) {
      const verified = await core.access.verifyToken(issued.value.token);
      assert.ok(!verified.ok || !core.access.admit(verified.value, 'main').ok);
    }
  });

  it('in force means ended everywhere and refused everywhere, whoever called', async () => {
    const members = await three();
    const sessions = members.map((member) => openAt(member));
    const locked = await members[1]!.core.control.lockout(lock('countersign/ci'));
    assert.ok(locked.ok);
    assert.ok(await members[1]!.inForce(locked.value.revision));
    for (const { how } of sessions) assert.equal(how.orders[0]?.lockoutId, locked.value.lockout.lockoutId);
    for (const { core } of members) {
      const refused = core.sessions.open(opening());
      assert.ok(!refused.ok && refused.error.code === 'LOCKED_OUT');
    }
  });

  it('it is recorded only, as long as a living gateway has not got it', async () => {
    const [one, two] = await three();
    const session = openAt(two!);
    two!.cut.log = true;
    const locked = await one!.core.control.lockout(lock('countersign/ci'));
    assert.ok(locked.ok);
    assert.equal(await one!.inForce(locked.value.revision, 500), false);
    assert.equal(session.how.orders.length, 0);
    two!.cut.log = false;
    assert.ok(await one!.inForce(locked.value.revision));
    assert.equal(session.how.orders.length, 1);
  });

  for (const wallAheadMs of [0, 5000, -5000])
    it(`a gateway (clock ${wallAheadMs} ms ahead) without the store ends its accounts' sessions before others go on without it`, async () => {
      const one = await given.cluster.start('one');
      const two = await given.cluster.start('two', { wallAheadMs });
      const robot = openAt(two);
      const person = openAt(two, { id: 'sso/ann', kind: 'human' });
      two.cut.store = true;
      two.cut.log = true;
      const locked = await one.core.control.lockout(lock('countersign/ci'));
      assert.ok(locked.ok);
      assert.ok(await one.inForce(locked.value.revision));
      assert.equal(robot.how.orders[0]?.reason, 'lease_lost');
      assert.equal(person.how.orders.length, 0, 'people go on, without high-risk requests');
      const gate = person.session.request({
        verb: 'query',
        text: 'drop table x',
        fingerprint: 'f',
        actions: [],
        risk: 'high',
      });
      assert.equal((await gate.decision).outcome, 'deny');
      two.cut.store = false;
      // It reaches the store again, but does not know yet what was called in force without it.
      await until(
        'both leases are there',
        async () => (await two.store.list('leases', { limit: 9 })).length === 2,
      );
      const early = two.core.sessions.open(opening());
      assert.ok(!early.ok);
      two.cut.log = false;
      await until('it holds its lease', () => two.core.lease.held());
      const refused = two.core.sessions.open(opening());
      assert.ok(!refused.ok && refused.error.code === 'LOCKED_OUT');
    });

  it('when the gateway that carries the outbox dies, another carries it, well within a lease', async () => {
    const members = await three();
    await until(
      'somebody has the turn',
      async () => (await members[0]!.store.get('turns', 'outbox')) !== undefined,
    );
    const turn = await members[0]!.store.get<{ holder: string }>('turns', 'outbox');
    const carrier = members.find(({ id }) => turn!.value.holder.startsWith(`${id}/`))!;
    const others = members.filter((member) => member !== carrier);
    const person = openAt(others[1]!, { id: 'countersign/robot' });
    carrier.die();
    const locked = await others[0]!.core.control.lockout(lock('countersign/ci'));
    assert.ok(locked.ok);
    assert.ok(await others[0]!.inForce(locked.value.revision));
    assert.ok(others.every(({ core }) => core.lease.held()));
    assert.equal(person.how.orders.length, 0, 'nobody else was ended for it');
    carrier.cut.store = false;
    carrier.cut.log = false;
  });

  it('budgets hold over all gateways at once, and one key takes effect once over all', async () => {
    const members = await three();
    const automation = { budget: { name: 'p', identitiesMax: 5, windowMs: 60_000 } };
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        members[n % 3]!.core.control.lockout(lock(`x/${n}`, { automation, idempotencyKey: `k${n}` })),
      ),
    );
    assert.equal(results.filter(({ ok }) => ok).length, 5);
    for (const result of results) assert.ok(result.ok || result.error.code === 'LOCKOUT_BUDGET_EXHAUSTED');
    const same = await Promise.all(
      members.flatMap(({ core }) =>
        [1, 2].map(() => core.control.lockout(lock('y/1', { idempotencyKey: 'once' }))),
      ),
    );
    assert.equal(new Set(same.map((result) => result.ok && result.value.lockout.lockoutId)).size, 1);
    const others = await members[0]!.core.control.lockout(
      lock('y/2', { idempotencyKey: 'once', by: 'other' }),
    );
    assert.ok(others.ok, 'a key belongs to its caller');
  });

  it('each sees the live sessions of the others, and ends one that is elsewhere', async () => {
    const [one, two] = await three();
    const { session, how } = openAt(two!);
    await until(
      'the session is known elsewhere',
      async () => (await one!.core.sessions.elsewhere.get(session.id)) !== undefined,
    );
    const found = await one!.core.sessions.elsewhere.list(10);
    assert.deepEqual(
      found.map(({ sessionId, gateway, identityId }) => [sessionId, gateway, identityId]),
      [[session.id, 'two', 'countersign/ci']],
    );
    assert.deepEqual(await two!.core.sessions.elsewhere.list(10), []);
    const ended = await one!.core.control.lockout(lock(session.id, { subjectKind: 'session' }));
    assert.ok(ended.ok && (await one!.inForce(ended.value.revision)));
    assert.equal(how.orders[0]?.reason, 'lockout');
    session.close('client_closed');
    await until(
      'no session is known elsewhere',
      async () => (await one!.core.sessions.elsewhere.list(10)).length === 0,
    );
    // Those of a gateway that is gone are not live.
    const left = openAt(two!, { id: 'countersign/late' });
    await until(
      'the session is known elsewhere',
      async () => (await one!.core.sessions.elsewhere.get(left.session.id)) !== undefined,
    );
    two!.die();
    await until(
      'the session is forgotten elsewhere',
      async () => (await one!.core.sessions.elsewhere.get(left.session.id)) === undefined,
    );
    two!.cut.store = false;
  });

  it('each signs its own trail, and the store has the keys to check all of them', async () => {
    const members = await three();
    const [first] = members;
    for (const member of members) openAt(member).session.close('client_closed');
    const keys = await listAuditKeys(first!.store);
    for (const member of members) await member.core.stop(10_000);
    const framed: Buffer[] = [];
    const reader = await given.cluster.eventLog.read({
      topic: TOPICS.sessionEvents.name,
      onRecords: (records) => records.forEach(({ value }) => void framed.push(Buffer.from(value!))),
      onFailure: (error) => assert.fail(String(error)),
    });
    await reader.caughtUp();
    await reader.close();
    for (const { id } of members) {
      const own = framed
        .map((bytes) => ({ bytes, event: codec.decode(bytes) }))
        .filter(({ event }) => event.ok && event.value.gateway.id === id)
        .sort((one, other) => sequenceOf(one.event) - sequenceOf(other.event));
      const key = keys.find(({ gateway }) => gateway === id)!;
      const verifier = createAuditVerifier(codec, {
        publicKeys: { [key.keyId]: key.publicKey },
        checkpointMs: key.checkpointMs,
        completeUntil: 0,
      });
      for (const { bytes } of own) verifier.take(bytes);
      const report = verifier.finish();
      assert.deepEqual(report.problems, []);
      assert.ok(report.checkpoints >= 1 && report.events >= 3);
    }
    for (const member of members) await member.leave();
  });

  it('a gateway that comes later knows what was locked out before', async () => {
    const one = await given.cluster.start('one');
    const locked = await one.core.control.lockout(lock('countersign/ci'));
    assert.ok(locked.ok && (await one.inForce(locked.value.revision)));
    const late = await given.cluster.start('late');
    assert.ok(late.core.lease.held());
    const refused = late.core.sessions.open(opening());
    assert.ok(!refused.ok && refused.error.code === 'LOCKED_OUT');
    const released = await late.core.control.release(locked.value.lockout.lockoutId, lock('', { by: 'ann' }));
    assert.ok(released.ok && (await late.inForce(released.value.revision)));
    for (const { core } of [one, late]) assert.ok(core.sessions.open(opening()).ok);
  });
});
