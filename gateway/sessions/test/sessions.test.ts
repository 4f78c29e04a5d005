import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionEvent } from '../../../schemas/types.ts';
import { createAuditVerifier } from '../../recording/verify.ts';
import type { GateDecision, Session, SessionOpening } from '../session.ts';
import { codec, command, createHarness, identity, lockout, opening, type Harness } from './harness.ts';

const open = (harness: Harness, how: SessionOpening = opening()): Session => {
  const result = harness.sessions.open(how);
  assert.ok(result.ok);
  return result.session;
};
const now = (decision: GateDecision | Promise<GateDecision>): GateDecision => {
  assert.ok(!(decision instanceof Promise), 'the decision is there at once');
  return decision;
};
const kinds = (events: readonly SessionEvent[]): string[] => events.map(({ body }) => body.kind);
const ok = { status: 'ok' as const, rows: 3, bytes: 100, durationUs: 5 };
const verdict = (body: Parameters<Harness['holds']['onVerdict']>[0]['body']) => ({ time: 0, body });

test('a session from open to close: every event, in order, with totals, and the chain verifies', async () => {
  const harness = createHarness();
  await harness.sessions.start();
  const session = open(harness);
  const gate = session.request(command());
  assert.equal(now(gate.decision).outcome, 'allow');
  session.response(gate.requestId, ok);
  session.response(gate.requestId, ok);
  session.close('client_closed');
  session.close('client_closed');
  assert.equal(now(session.request(command()).decision).outcome, 'deny');
  harness.clock.advance(5000);
  const events = harness.drain();
  assert.deepEqual(kinds(events), [
    'heartbeat',
    'session_opened',
    'request',
    'response',
    'session_closed',
    'checkpoint',
  ]);
  const closed = events[4]!.body;
  assert.ok(
    closed.kind === 'session_closed' && closed.requests === 1 && closed.rows === 3 && closed.bytes === 100,
  );
  const verifier = createAuditVerifier(codec, {
    publicKeys: { [harness.signer.keyId]: harness.signer.publicKeyPem },
    checkpointMs: 5000,
    completeUntil: harness.clock.now(),
  });
  for (const event of harness.framed) verifier.take(event);
  assert.deepEqual(verifier.finish().problems, []);
});

test('a session ends with its token: no request after the expiry, and the session within a second', async () => {
  const harness = createHarness();
  await harness.sessions.start();
  const expiresAt = harness.clock.now() + 10_500;
  const how = opening({ identity: identity({ expiresAt }) });
  const session = open(harness, how);
  const other = opening({ identity: identity({ id: 'countersign/other' }) });
  open(harness, other);
  harness.clock.advance(10_000);
  assert.equal(now(session.request(command()).decision).outcome, 'allow');
  harness.clock.advance(600);
  assert.deepEqual(now(session.request(command()).decision).rule, 'TOKEN_EXPIRED');
  assert.equal(how.orders.length, 0, 'the sweep has not come yet');
  harness.clock.advance(400);
  assert.deepEqual(
    how.orders.map(({ error }) => error.code),
    ['TOKEN_EXPIRED'],
  );
  assert.deepEqual(other.orders, []);
  session.close('client_closed');
  const closed = harness.drain().findLast(({ body }) => body.kind === 'session_closed')!.body;
  assert.ok(closed.kind === 'session_closed' && closed.reason === 'killed' && /expired/.test(closed.detail!));
});

test('a request that is held when its token expires does not run', async () => {
  const harness = createHarness();
  await harness.sessions.start();
  const session = open(harness, opening({ identity: identity({ expiresAt: harness.clock.now() + 1500 }) }));
  harness.policy = { outcome: 'hold_verdict', rule: 'test', reason: 'because' };
  const gate = session.request(command({ risk: 'high' }));
  harness.clock.advance(2000);
  assert.equal((await gate.decision).outcome, 'deny');
});

test('a lockout ends matching sessions in the tick that applies it, and refuses new ones', () => {
  const harness = createHarness();
  const how = opening();
  const session = open(harness, how);
  const other = opening({
    identity: identity({ id: 'countersign/other', credentialSource: null, tokenId: 'token2' }),
  });
  open(harness, other);
  const gate = session.request(command());
  harness.view.apply('lockout/l1', { revision: 7, time: 0, body: lockout() });
  assert.equal(how.orders.length, 1);
  assert.equal(how.orders[0]!.reason, 'lockout');
  assert.equal(other.orders.length, 0);
  const late = now(session.request(command()).decision);
  assert.equal(late.outcome, 'deny');
  assert.equal(late.rule, 'LOCKED_OUT');
  session.response(gate.requestId, { ...ok, status: 'cut_off' });
  session.close('client_closed');
  const refused = harness.sessions.open(opening());
  assert.ok(!refused.ok && refused.error.code === 'LOCKED_OUT');
  assert.match(refused.error.message, /\[lockout l1\]/);
  assert.doesNotMatch(refused.error.message, /stolen/, 'the holder of the token does not hear what was seen');
  const events = harness.drain();
  const denied = events.find(({ body }) => body.kind === 'request' && body.decision.outcome === 'deny');
  assert.equal(denied?.controlRevision, 7);
  const closed = events.filter(({ body }) => body.kind === 'session_closed');
  assert.equal(closed.length, 1);
  assert.ok(
    closed[0]!.body.kind === 'session_closed' &&
      closed[0]!.body.reason === 'lockout' &&
      closed[0]!.body.lockoutId === 'l1' &&
      closed[0]!.body.detail === 'lockout of identity: stolen',
  );
  assert.equal(events.at(-1)!.body.kind, 'session_refused');
});

test('a protocol that does not close is closed for it, once', () => {
  const harness = createHarness();
  const session = open(harness);
  assert.ok(harness.sessions.kill(session.id, 'enough', null));
  assert.ok(!harness.sessions.kill(session.id, 'enough', null));
  harness.clock.advance(3000);
  session.close('client_closed');
  assert.deepEqual(kinds(harness.drain()), ['session_opened', 'session_closed']);
  assert.equal(harness.sessions.list().length, 0);
});

test('hold for verdict: runs once the detectors have passed the event, wherever verdict and position come first', async () => {
  const harness = createHarness();
  harness.policy = { outcome: 'hold_verdict', rule: 'high', reason: 'high risk' };
  const session = open(harness);
  for (const verdictFirst of [false, true]) {
    const { decision, first } = session.request(command({ risk: 'high' }));
    assert.equal(first, 'hold_verdict');
    assert.ok(decision instanceof Promise);
    if (verdictFirst)
      harness.holds.onVerdict(verdict({ kind: 'passed', partition: 0, offset: 50, spoken: [] }));
    const events = harness.drain();
    assert.equal(events.at(-1)!.body.kind, 'request');
    if (!verdictFirst)
      harness.holds.onVerdict(verdict({ kind: 'passed', partition: 0, offset: 20, spoken: [] }));
    assert.equal((await decision).outcome, 'allow');
    const [event] = harness.drain();
    assert.ok(event!.body.kind === 'decision' && event!.body.decision.outcome === 'allow');
  }
});

test('hold for verdict: a detection waits for its responder; contained denies, release lets go on', async () => {
  for (const outcome of ['contained', 'asked', 'release'] as const) {
    const harness = createHarness();
    harness.policy = { outcome: 'hold_verdict', rule: 'high', reason: 'high risk' };
    const session = open(harness);
    const { decision } = session.request(command({ risk: 'high' }));
    const { eventId } = harness.drain().at(-1)!;
    const spoken = [{ eventId, detectionIds: ['d1'] }];
    harness.holds.onVerdict(verdict({ kind: 'passed', partition: 0, offset: 50, spoken }));
    assert.equal(harness.holds.waiting(), 1, 'passed, but not decided');
    harness.holds.onVerdict(
      verdict({ kind: 'decided', eventId, detectionId: 'd1', outcome, incidentId: null }),
    );
    assert.equal((await decision).outcome, outcome === 'release' ? 'allow' : 'deny');
    const [event] = harness.drain();
    assert.ok(event!.body.kind === 'decision');
    assert.deepEqual(event!.body.detectionIds, ['d1']);
  }
});

test('hold for verdict: a lockout during the hold denies', async () => {
  const harness = createHarness();
  harness.policy = { outcome: 'hold_verdict', rule: 'high', reason: 'high risk' };
  const session = open(harness);
  const { decision } = session.request(command({ risk: 'high' }));
  harness.view.apply('lockout/l1', { revision: 7, time: 0, body: lockout() });
  assert.equal((await decision).outcome, 'deny');
});

test('without detectors a hold ends by time: denied by default, allowed where configured', async () => {
  for (const onDetectionLag of ['hold_then_deny', 'deny', 'allow'] as const) {
    const harness = createHarness({ onDetectionLag });
    harness.policy = { outcome: 'hold_verdict', rule: 'high', reason: 'high risk' };
    const session = open(harness);
    const { decision } = session.request(command({ risk: 'high' }));
    harness.clock.advance(2000);
    assert.equal((await decision).outcome, onDetectionLag === 'allow' ? 'allow' : 'deny');
    harness.clock.advance(4000);
    const later = session.request(command({ risk: 'high' })).decision;
    assert.equal(later instanceof Promise, onDetectionLag === 'hold_then_deny');
    if (!(later instanceof Promise)) assert.equal(later.outcome, onDetectionLag);
  }
});

test('the hold is at least four times what the log takes', () => {
  const harness = createHarness();
  for (let n = 0; n < 200; n += 1) harness.holds.observeRoundTrip(1_000_000);
  assert.ok(harness.holds.boundMs() >= 4000 && harness.holds.boundMs() < 4500);
});

test('a full spool refuses requests; the ends come once there is room', () => {
  const harness = createHarness({ spoolBytesMax: 65_536 });
  const session = open(harness);
  const gates = [];
  for (let n = 0; n < 1000; n += 1) {
    const gate = session.request(command({ text: 'x'.repeat(500) }));
    const decision = now(gate.decision);
    if (decision.outcome === 'deny') {
      assert.equal(decision.rule, 'SPOOL_FULL');
      break;
    }
    gates.push(gate);
  }
  assert.ok(gates.length > 10 && gates.length < 1000);
  for (const { requestId } of gates) session.response(requestId, ok);
  session.close('client_closed');
  const events = harness.drain();
  harness.clock.advance(200);
  events.push(...harness.drain());
  assert.equal(events.filter(({ body }) => body.kind === 'response').length, gates.length);
  assert.deepEqual(
    events.map(({ session: ref }) => ref!.sequence),
    events.map((_, index) => index + 1),
  );
  assert.equal(events.at(-1)!.body.kind, 'session_closed');
});

test('onSpoolFull allow_and_count: requests go on and the heartbeat says how many', async () => {
  const harness = createHarness({ onSpoolFull: 'allow_and_count' });
  await harness.sessions.start();
  const session = open(harness);
  harness.disk.setCapacity(harness.disk.usedBytes());
  const gate = session.request(command());
  assert.equal(now(gate.decision).outcome, 'allow');
  session.response(gate.requestId, ok);
  harness.disk.setCapacity(1e9);
  harness.clock.advance(10_000);
  const beats = harness.drain().flatMap(({ body }) => (body.kind === 'heartbeat' ? [body.unaudited] : []));
  assert.deepEqual(beats, [0, 1]);
});

test('durability power: the decision waits for the flush, and a failed flush denies', async () => {
  const harness = createHarness({ durability: 'power' });
  const session = open(harness);
  const good = session.request(command()).decision;
  assert.ok(good instanceof Promise);
  assert.equal((await good).outcome, 'allow');
  harness.disk.failFlushes(1);
  const bad = await session.request(command()).decision;
  assert.equal(bad.outcome, 'deny');
  assert.equal(bad.rule, 'SPOOL_FAILED');
});

test('a lost lease ends machines, and refuses what people do of high risk', () => {
  const harness = createHarness();
  const machine = opening();
  open(harness, machine);
  const person = opening({
    identity: identity({ id: 'sso/ann', kind: 'human', tokenId: 't3', credentialSource: null }),
  });
  const session = open(harness, person);
  harness.setLease(false);
  assert.equal(machine.orders[0]?.reason, 'lease_lost');
  assert.equal(person.orders.length, 0);
  assert.equal(now(session.request(command({ risk: 'low' })).decision).outcome, 'allow');
  assert.equal(now(session.request(command({ risk: 'high' })).decision).rule, 'LEASE_LOST');
  harness.setLease(true);
  assert.equal(now(session.request(command({ risk: 'high' })).decision).outcome, 'allow');
});

test('exercise lockouts touch exercise sessions only', () => {
  const harness = createHarness();
  const real = opening();
  const drill = opening({ identity: identity({ attributes: { exercise_id: 'x1' } }) });
  open(harness, real);
  open(harness, drill);
  harness.view.apply('lockout/l1', { revision: 7, time: 0, body: lockout({ exerciseId: 'x1' }) });
  assert.equal(real.orders.length, 0);
  assert.equal(drill.orders.length, 1);
  assert.ok(harness.drain().some(({ origin, exerciseId }) => origin === 'exercise' && exerciseId === 'x1'));
});

test('after kill -9 every open session is closed as gateway-lost, once, its chain goes on, and its target is cleaned', async () => {
  const first = createHarness({ spoolSegmentBytes: 4096 });
  await first.sessions.start();
  const session = open(first);
  const gone = open(first);
  gone.close('client_closed');
  for (let n = 0; n < 40; n += 1) session.response(session.request(command()).requestId, ok);
  const events = first.drain();
  first.clock.advance(1000);
  first.disk.crash('kill');
  const second = createHarness({ spoolSegmentBytes: 4096 }, first);
  assert.equal(second.sessions.epoch, 2);
  await second.sessions.start();
  assert.deepEqual(second.leftovers, [{ connection: 'main', targetSession: '4711@123' }]);
  second.clock.advance(5000);
  const after = second.drain();
  const closed = after.filter(({ body }) => body.kind === 'session_closed');
  assert.equal(closed.length, 1);
  const [{ body, session: ref }] = closed as [SessionEvent];
  assert.equal(ref!.id, session.id);
  assert.ok(
    body.kind === 'session_closed' &&
      body.reason === 'gateway_lost' &&
      body.requests === 40 &&
      body.rows === 120,
  );
  const verifier = createAuditVerifier(codec, {
    publicKeys: { [first.signer.keyId]: first.signer.publicKeyPem },
    checkpointMs: 5000,
    completeUntil: second.clock.now(),
  });
  for (const event of [...first.framed, ...second.framed]) verifier.take(event);
  assert.deepEqual(verifier.finish().problems, []);
  assert.ok(events.length > 80);
  second.disk.crash('kill');
  const third = createHarness({}, second);
  await third.sessions.start();
  assert.equal(third.drain().filter((event) => event.body.kind === 'session_closed').length, 0);
});

test('limits and long texts', () => {
  const harness = createHarness({ sessionsPerIdentityMax: 1 });
  const session = open(harness);
  const second = harness.sessions.open(opening());
  assert.ok(!second.ok && second.error.code === 'SESSION_IDENTITY_LIMIT');
  session.request(command({ text: 'ä'.repeat(40_000) }));
  const { body } = harness.drain().at(-1)!;
  assert.ok(body.kind === 'request');
  assert.equal(Buffer.byteLength(body.text), 65_536);
  assert.equal(body.textLength, 80_000);
  assert.ok(body.textDigest !== null);
});

test('what happens before login is keyed by source network', () => {
  const harness = createHarness();
  harness.setLease(false);
  const refused = harness.sessions.open(opening());
  assert.ok(!refused.ok);
  const client = { ip: '::ffff:192.0.2.77', port: 1, tool: null, version: null };
  harness.sessions.refused({
    identity: null,
    client,
    target: null,
    claimedName: 'root',
    error: refused.error,
  });
  const batch = harness.spool.take(100, 1e9);
  assert.equal(batch.at(-1)!.entry.key, 'net:192.0.2.0/24');
});
