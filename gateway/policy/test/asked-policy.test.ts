/** What is kept of an engine's answers, and for how long. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAskedPolicy } from '../asked-policy.ts';
import type { Policy } from '../decision.ts';
import type { Asked, Engine } from '../engine.ts';
import { policyError } from '../errors.ts';
import { action, identity, input } from './support.ts';

const ALLOW: Asked = { ok: true, result: true, micros: 1 };
const TIMEOUT: Asked = { ok: false, error: policyError('POLICY_TIMEOUT', { deadlineMs: 1 }) };
const AWAY: Asked = { ok: false, error: policyError('POLICY_UNAVAILABLE', { reason: 'x' }) };

/** An engine that counts, and answers what it is told. */
function make(config: { cachedMax?: number; cacheMs?: number | null; withUsage?: boolean } = {}) {
  const state = { asked: 0, answer: ALLOW, changed: (): void => undefined, revision: 'r1' };
  const engine: Engine = {
    path: 'p',
    revision: () => state.revision,
    ask: () => {
      state.asked += 1;
      return Promise.resolve(state.answer);
    },
    onChange: (callback) => void (state.changed = callback),
    start: () => Promise.resolve(),
    refresh: () => Promise.resolve(undefined),
    fault: () => undefined,
    close: () => undefined,
  };
  const policy: Policy = createAskedPolicy(
    { engine, decisionLog: null },
    { cachedMax: 100, cacheMs: null, withUsage: false, ...config },
  );
  return { policy, state };
}

describe('a policy that is asked', () => {
  it('is asked once for what many want at the same time', async () => {
    const { policy, state } = make();
    const all = await Promise.all(Array.from({ length: 20 }, async () => await policy.decide(input())));
    assert.deepEqual(new Set(all.map(({ outcome }) => outcome)), new Set(['allow']));
    assert.equal(state.asked, 1);
  });

  it('is asked again for every field of the input that differs', async () => {
    const { policy, state } = make();
    const base = input();
    const variants = [
      base,
      { ...base, identity: identity({ groups: ['x'] }) },
      { ...base, identity: identity({ attributes: { a: 'b' } }) },
      { ...base, client: { ...base.client, ip: '192.0.2.99' } },
      { ...base, target: { ...base.target, database: 'other' } },
      { ...base, actions: [action('write')] },
      { ...base, risk: 'high' as const },
      { ...base, fingerprint: 'f' },
      { ...base, reason: 'why' },
      { ...base, ticket: 'T-1' },
      { ...base, principals: [identity()] },
      { ...base, now: base.now + 60_000 },
    ];
    for (const given of [...variants, ...variants]) await policy.decide(given);
    assert.equal(state.asked, variants.length);
  });

  it('is asked again once another policy is in force', async () => {
    const { policy, state } = make();
    const { version } = policy;
    await policy.decide(input());
    state.revision = 'r2';
    state.changed();
    await policy.decide(input());
    assert.equal(state.asked, 2);
    assert.notEqual(policy.version, version);
  });

  it('does not keep an answer of a policy that was replaced meanwhile', async () => {
    const { policy, state } = make();
    const given = input();
    const first = policy.decide(given);
    state.revision = 'r2';
    state.changed();
    await first;
    await policy.decide(given);
    assert.equal(state.asked, 2);
  });

  it('is not kept from deciding by a fault; a timeout is believed for some seconds', async () => {
    const { policy, state } = make();
    const given = input();
    state.answer = AWAY;
    assert.equal((await policy.decide(given)).outcome, 'deny');
    state.answer = TIMEOUT;
    assert.equal((await policy.decide(given)).rule, 'POLICY_TIMEOUT');
    state.answer = ALLOW;
    assert.equal((await policy.decide(given)).rule, 'POLICY_TIMEOUT');
    assert.equal((await policy.decide({ ...given, now: given.now + 5000 })).outcome, 'allow');
  });

  it('is asked each time with usage, and after cacheMs', async () => {
    const withUsage = make({ withUsage: true });
    for (let round = 0; round < 3; round += 1) await withUsage.policy.decide(input());
    assert.equal(withUsage.state.asked, 3);
    const short = make({ cacheMs: 1000 });
    const given = input();
    await short.policy.decide(given);
    await short.policy.decide({ ...given, now: given.now + 999 });
    assert.equal(short.state.asked, 1);
    await short.policy.decide({ ...given, now: given.now + 1000 });
    assert.equal(short.state.asked, 2);
  });

  it('keeps no more than it may', async () => {
    const { policy, state } = make({ cachedMax: 2 });
    const of = (ticket: string) => input({ ticket });
    for (const ticket of ['a', 'b', 'c', 'a']) await policy.decide(of(ticket));
    assert.equal(state.asked, 4);
  });
});
