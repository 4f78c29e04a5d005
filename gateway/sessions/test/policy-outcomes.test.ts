/** What the gate makes of a policy's further words: late decisions, limits, terms of a hold; and how it counts requests. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicyDecision } from '../../policy/decision.ts';
import { createRequestRates, MinuteCounter } from '../request-rates.ts';
import type { Session } from '../session.ts';
import { command, createHarness, lockout, opening, type Harness } from './harness.ts';

function open(harness: Harness): Session {
  const opened = harness.sessions.open(opening());
  assert.ok(opened.ok);
  harness.drain();
  return opened.session;
}
const ALLOW: PolicyDecision = { outcome: 'allow', rule: 'r', reason: 'because' };

/** A policy that is asked elsewhere. */
function asked(harness: Harness): (decision: PolicyDecision) => void {
  const { promise, resolve } = Promise.withResolvers<PolicyDecision>();
  harness.policy = promise as unknown as PolicyDecision;
  return resolve;
}

describe('a policy that takes a moment', () => {
  it('is waited for; the request has its event, with the decision, before it goes on', async () => {
    const harness = createHarness();
    const session = open(harness);
    const answer = asked(harness);
    const gate = session.request(command());
    assert.equal(gate.first, null);
    assert.ok(gate.decision instanceof Promise);
    assert.deepEqual(harness.drain(), []);
    answer(ALLOW);
    assert.equal((await gate.decision).outcome, 'allow');
    const [event] = harness.drain();
    assert.ok(event!.body.kind === 'request' && event!.body.decision.rule === 'r');
    session.response(gate.requestId, { status: 'ok', rows: 1, bytes: 1, durationUs: 1 });
    assert.equal(harness.drain().at(-1)?.body.kind, 'response');
  });

  it('cannot allow what was locked out meanwhile', async () => {
    const harness = createHarness();
    const session = open(harness);
    const answer = asked(harness);
    const { decision } = session.request(command());
    harness.view.apply('lockout/l1', { revision: 7, time: 0, body: lockout() });
    answer(ALLOW);
    assert.equal((await decision).outcome, 'deny');
  });

  it('cannot allow what is over meanwhile', async () => {
    const harness = createHarness();
    const session = open(harness);
    const answer = asked(harness);
    const { decision } = session.request(command());
    session.close('client_closed');
    answer(ALLOW);
    assert.equal((await decision).outcome, 'deny');
  });

  it('may hold for a verdict as any other', async () => {
    const harness = createHarness();
    const session = open(harness);
    const answer = asked(harness);
    const { decision } = session.request(command({ risk: 'high' }));
    answer({
      outcome: 'hold_verdict',
      rule: 'r',
      reason: 'because',
      verdict: { holdMs: 100, onLate: 'allow' },
    });
    await Promise.resolve();
    await Promise.resolve();
    harness.clock.advance(100);
    assert.equal((await decision).outcome, 'allow');
  });
});

describe('the terms of a hold', () => {
  for (const onLate of ['allow', 'deny'] as const)
    it(`stand in its rule: late, ${onLate}, whatever the gateway is configured to do`, async () => {
      for (const onDetectionLag of ['hold_then_deny', 'deny', 'allow'] as const) {
        const harness = createHarness({ onDetectionLag, holdMs: 5000 });
        harness.policy = {
          outcome: 'hold_verdict',
          rule: 'short',
          reason: 'r',
          verdict: { holdMs: 300, onLate },
        };
        const session = open(harness);
        const { decision } = session.request(command({ risk: 'high' }));
        harness.clock.advance(300);
        const final = await decision;
        assert.deepEqual([final.outcome, final.rule], [onLate, 'short']);
      }
    });
});

describe('limits', () => {
  it('come with the decision, at once and after a hold', async () => {
    const harness = createHarness();
    const session = open(harness);
    harness.policy = { ...ALLOW, limits: { rowsMax: 3 } };
    const { decision } = session.request(command());
    assert.ok(!(decision instanceof Promise));
    assert.deepEqual(decision.limits, { rowsMax: 3 });
    harness.policy = {
      outcome: 'hold_verdict',
      rule: 'r',
      reason: 'r',
      limits: { bytesMax: 9 },
      verdict: { holdMs: 10, onLate: 'allow' },
    };
    const held = session.request(command({ risk: 'high' })).decision;
    harness.clock.advance(10);
    assert.deepEqual((await held).limits, { bytesMax: 9 });
  });
});

describe('requests of the last minute', () => {
  it('are counted, and forgotten second by second', () => {
    const counter = new MinuteCounter();
    for (let second = 100; second < 160; second += 1) assert.equal(counter.add(second), second - 99);
    assert.equal(counter.add(160), 60, 'the first has gone');
    assert.equal(counter.add(219), 2);
    assert.equal(counter.add(10_000), 1, 'after a long silence');
    assert.equal(counter.total(10_059), 1);
    assert.equal(counter.total(10_060), 0);
  });

  it('are those of the identity, over its sessions', () => {
    let us = 0;
    const rates = createRequestRates({ clock: { monotonicUs: () => us } });
    const [one, other] = [new MinuteCounter(), new MinuteCounter()];
    assert.deepEqual([rates.ofIdentity('a'), rates.ofSession(one)], [1, 1]);
    assert.deepEqual([rates.ofIdentity('a'), rates.ofSession(other)], [2, 1]);
    us = 61e6;
    assert.deepEqual([rates.ofIdentity('a'), rates.ofIdentity('b')], [1, 1]);
  });
});
