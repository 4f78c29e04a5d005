import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCountersignError } from '../../../platform/errors/errors.ts';
import type { PolicyRule } from '../../../schemas/config/policy-rule.ts';
import { createBuiltInPolicy } from '../built-in-policy.ts';
import type { DecisionInput, GrantRef, PolicyDecision, Usage } from '../decision.ts';
import { action, ALLOWED, identity, input, MONDAY_NOON, rule } from './support.ts';

const decide = (rules: PolicyRule[], part: Partial<DecisionInput> = {}): PolicyDecision =>
  createBuiltInPolicy({ rules }).decide(input(part));

const usage = (part: Partial<Usage> = {}): Usage => ({
  identityRequestsLastMinute: 1,
  sessionRequestsLastMinute: 1,
  rows: 0,
  bytes: 0,
  ...part,
});

describe('rules on who acts', () => {
  it('match claims of a workload, each named one', () => {
    const rules = [
      rule('ci', { outcome: 'allow', attributes: { repository: ['acme/*'], environment: ['production'] } }),
    ];
    const of = (attributes: Record<string, string>): string =>
      decide(rules, { identity: identity({ attributes }) }).outcome;
    assert.equal(of({ repository: 'acme/shop', environment: 'production' }), 'allow');
    assert.equal(of({ repository: 'acme/shop' }), 'deny');
    assert.equal(of({ repository: 'evil/acme/shop', environment: 'production' }), 'deny');
    assert.equal(of({}), 'deny');
  });

  it('take no name that every object has for a claim', () => {
    const rules = [rule('odd', { outcome: 'allow', attributes: { constructor: ['*'] } })];
    assert.equal(decide(rules).outcome, 'deny');
  });

  it('match whom an agent acts for; `*` is anybody', () => {
    const rules = [rule('agents', { outcome: 'deny', onBehalfOf: ['*'] }), ALLOWED];
    assert.equal(decide(rules).outcome, 'allow');
    assert.equal(decide(rules, { identity: identity({ onBehalfOf: ['idp/ben'] }) }).outcome, 'deny');
  });

  it('give an agent only what each person may whom it acts for', () => {
    const rules = [
      rule('writers', { outcome: 'allow', groups: ['writers'], actions: ['write'] }),
      rule('agents', { outcome: 'allow', kinds: ['ai_agent'] }),
    ];
    const agent = identity({ id: 'countersign/bot', kind: 'ai_agent', onBehalfOf: ['idp/ben'] });
    const write = { identity: agent, actions: [action('write')] };
    const ben = identity({ id: 'idp/ben' });
    const allowed = decide(rules, { ...write, principals: [identity({ ...ben, groups: ['writers'] })] });
    assert.equal(allowed.outcome, 'allow');
    const refused = decide(rules, { ...write, principals: [ben] });
    assert.equal(refused.outcome, 'deny');
    assert.match(refused.reason, /idp\/ben/);
    const second = decide(rules, { ...write, principals: [identity({ groups: ['writers'] }), ben] });
    assert.equal(second.outcome, 'deny', 'every one of the chain counts');
  });

  it('have exceptions, also ones that come and go with the hour', () => {
    const rules = [
      rule('no drops', {
        outcome: 'deny',
        actions: ['drop'],
        unless: { groups: ['dba'], hours: { timeZone: 'UTC', from: '08:00', to: '18:00' } },
      }),
      ALLOWED,
    ];
    const dba = { identity: identity({ groups: ['dba'] }), actions: [action('drop')] };
    const policy = createBuiltInPolicy({ rules });
    assert.equal(policy.decide(input(dba)).outcome, 'allow');
    assert.equal(policy.decide(input({ ...dba, now: MONDAY_NOON + 8 * 3_600_000 })).outcome, 'deny');
    assert.equal(policy.decide(input({ actions: [action('drop')] })).outcome, 'deny');
  });
});

describe('rules on columns', () => {
  const allow = [rule('public columns', { outcome: 'allow', columns: ['id', 'name'] })];
  const deny = [rule('salaries', { outcome: 'deny', columns: ['salary'] }), ALLOWED];
  const read = (columns: string[]): Partial<DecisionInput> => ({
    actions: [action('read', 'hr.staff', { columns })],
  });

  it('that allow want all columns to be theirs, and known', () => {
    assert.equal(decide(allow, read(['id', 'name'])).outcome, 'allow');
    assert.equal(decide(allow, read(['id', 'salary'])).outcome, 'deny');
    assert.equal(decide(allow, read([])).outcome, 'deny');
    assert.equal(decide(allow, read(['id', '*'])).outcome, 'deny');
  });

  it('that deny take any column of theirs, and columns that are not known', () => {
    assert.equal(decide(deny, read(['id'])).outcome, 'allow');
    assert.equal(decide(deny, read(['id', 'salary'])).outcome, 'deny');
    assert.equal(decide(deny, read([])).outcome, 'deny');
    assert.equal(decide(deny, read(['*'])).outcome, 'deny');
  });
});

describe('rules that ask for more than a match', () => {
  it('deny what comes too often, of the identity or of the session', () => {
    const rules = (per: 'identity' | 'session'): PolicyRule[] => [
      rule('slow', { outcome: 'allow', rate: { requestsPerMinuteMax: 10, per } }),
    ];
    const policy = createBuiltInPolicy({ rules: rules('identity') });
    const at = (count: number): string =>
      policy.decide(input({ usage: usage({ identityRequestsLastMinute: count }) })).outcome;
    assert.deepEqual([at(10), at(11), at(10)], ['allow', 'deny', 'allow']);
    const many = { usage: usage({ identityRequestsLastMinute: 99 }) };
    assert.equal(decide(rules('session'), many).outcome, 'allow');
    assert.equal(
      decide(rules('session'), { usage: usage({ sessionRequestsLastMinute: 11 }) }).outcome,
      'deny',
    );
  });

  it('deny without a reason, and say how to give one', () => {
    const rules = [rule('why', { outcome: 'allow', requires: { reason: true } })];
    const without = decide(rules);
    assert.deepEqual([without.outcome, without.rule], ['deny', 'why']);
    assert.match(without.reason, /SET countersign\.reason = /);
    assert.equal(decide(rules, { reason: '  ' }).outcome, 'deny');
    assert.equal(decide(rules, { reason: 'order 17 is stuck' }).outcome, 'allow');
  });

  it('on certain actions ask nothing of what touches nothing', () => {
    const rules = [
      rule('why', {
        outcome: 'allow',
        actions: ['write'],
        requires: { reason: true },
        limits: { rowsMax: 1 },
      }),
    ];
    const nothing = decide(rules, { actions: [] });
    assert.deepEqual([nothing.outcome, nothing.limits], ['allow', undefined]);
    assert.equal(decide(rules, { actions: [action('write')] }).outcome, 'deny');
  });

  it('want a ticket of their form', () => {
    const rules = [rule('ticket', { outcome: 'allow', requires: { ticket: 'OPS-*' } })];
    assert.equal(decide(rules, { ticket: 'OPS-17' }).outcome, 'allow');
    assert.equal(decide(rules, { ticket: 'DEV-17' }).outcome, 'deny');
    assert.equal(decide(rules, { reason: 'OPS-17' }).outcome, 'deny');
  });

  it('count also where a stricter rule decides, and an explicit denial says more', () => {
    const why = rule('why', { outcome: 'allow', requires: { reason: true } });
    const held = rule('held', { outcome: 'hold_verdict', actions: ['read'] });
    const denied = rule('never', { outcome: 'deny', actions: ['read'] });
    assert.deepEqual(pick(decide([why, held])), ['deny', 'why']);
    assert.deepEqual(pick(decide([why, held], { reason: 'x' })), ['hold_verdict', 'held']);
    assert.deepEqual(pick(decide([why, denied])), ['deny', 'never']);
  });
});

const pick = ({ outcome, rule: name }: PolicyDecision): readonly string[] => [outcome, name];

describe('limits', () => {
  it('are the least of all rules that match', () => {
    const rules = [
      rule('agents', { outcome: 'allow', kinds: ['ai_agent'], limits: { rowsMax: 100 } }),
      rule('reads', { outcome: 'allow', actions: ['read'], limits: { rowsMax: 1000, bytesMax: 5000 } }),
      rule('held', { outcome: 'hold_verdict', riskAtLeast: 'high', limits: { sessionRowsMax: 7 } }),
      ALLOWED,
    ];
    const agent = identity({ kind: 'ai_agent' });
    assert.deepEqual(decide(rules).limits, { rowsMax: 1000, bytesMax: 5000 });
    assert.deepEqual(decide(rules, { identity: agent }).limits, { rowsMax: 100, bytesMax: 5000 });
    const high = decide(rules, { identity: agent, risk: 'high' });
    assert.equal(high.outcome, 'hold_verdict');
    assert.deepEqual(high.limits, { rowsMax: 100, bytesMax: 5000, sessionRowsMax: 7 });
    assert.equal(decide(rules, { actions: [action('write')] }).limits, undefined);
  });

  it('hold for an agent as for its person', () => {
    const rules = [rule('people', { outcome: 'allow', kinds: ['human'], limits: { rowsMax: 5 } }), ALLOWED];
    const agent = identity({ kind: 'ai_agent' });
    assert.equal(decide(rules, { identity: agent }).limits, undefined);
    assert.deepEqual(decide(rules, { identity: agent, principals: [identity()] }).limits, { rowsMax: 5 });
  });
});

describe('holds', () => {
  it('for approval come before those for a verdict; two demands are joined', () => {
    const rules = [
      rule('one', { outcome: 'hold_approval', approval: { groups: ['dba', 'sre'], secondFactor: false } }),
      rule('two', {
        outcome: 'hold_approval',
        approval: { approvalsMin: 2, groups: ['sre'], scope: 'session' },
      }),
      rule('verdict', { outcome: 'hold_verdict' }),
    ];
    const decision = decide(rules);
    assert.deepEqual(pick(decision), ['hold_approval', 'one']);
    assert.deepEqual(decision.approval, {
      approvals: 2,
      groups: ['sre'],
      secondFactor: true,
      scope: 'statement',
      validMs: 900_000,
    });
  });

  it('that nobody could approve are denials', () => {
    const rules = [
      rule('one', { outcome: 'hold_approval', approval: { groups: ['dba'] } }),
      rule('two', { outcome: 'hold_approval', approval: { groups: ['sre'] } }),
    ];
    const decision = decide(rules);
    assert.equal(decision.outcome, 'deny');
    assert.match(decision.reason, /different groups/);
  });

  it('for a verdict end as the rule says, the stricter of two', () => {
    const late = (onLate?: 'deny' | 'allow'): PolicyRule =>
      rule(`late-${onLate}`, {
        outcome: 'hold_verdict',
        verdict: { holdMs: 700, ...(onLate && { onLate }) },
      });
    assert.deepEqual(decide([late('allow')]).verdict, { holdMs: 700, onLate: 'allow' });
    assert.deepEqual(decide([late('allow'), late('deny')]).verdict, { holdMs: 700, onLate: 'deny' });
    assert.deepEqual(decide([late('allow'), late()]).verdict, { holdMs: 700 });
  });
});

describe('grants', () => {
  const grant = (part: Partial<GrantRef> = {}): GrantRef => ({
    grantId: 'g1',
    actions: ['drop'],
    connections: ['orders'],
    objects: ['public.*'],
    endsAt: MONDAY_NOON + 1000,
    ...part,
  });
  const held = [rule('drops', { outcome: 'hold_approval', actions: ['drop'] }), ALLOWED];
  const drop = { actions: [action('drop')] };

  it('allow what would be held for an approval, or matched by no rule', () => {
    const decision = decide(held, { ...drop, grants: [grant()] });
    assert.deepEqual([...pick(decision), decision.grantId], ['allow', 'grant:g1', 'g1']);
    assert.equal(
      decide([rule('r', { outcome: 'allow', actions: ['read'] })], { ...drop, grants: [grant()] }).outcome,
      'allow',
    );
  });

  it('end by themselves, under a policy that has answered before', () => {
    const policy = createBuiltInPolicy({ rules: held });
    const given = input({ ...drop, grants: [grant()] });
    assert.equal(policy.decide(given).outcome, 'allow');
    assert.equal(policy.decide({ ...given, now: MONDAY_NOON + 1000 }).outcome, 'hold_approval');
    assert.equal(policy.decide({ ...given, grants: [] }).outcome, 'hold_approval');
  });

  it('open no other connection, object or action, and no denial', () => {
    for (const other of [{ connections: ['billing'] }, { objects: ['hr.*'] }, { actions: ['truncate'] }])
      assert.equal(decide(held, { ...drop, grants: [grant(other)] }).outcome, 'hold_approval');
    const denied = [rule('never', { outcome: 'deny', actions: ['drop'] }), ...held];
    assert.equal(decide(denied, { ...drop, grants: [grant()] }).outcome, 'deny');
    const both = { actions: [action('drop'), action('drop', 'hr.staff')], grants: [grant()] };
    assert.equal(decide(held, both).outcome, 'hold_approval', 'each action by itself');
  });

  it('leave limits and demands of rules in force', () => {
    const rules = [
      rule('why', { outcome: 'allow', requires: { reason: true }, limits: { rowsMax: 3 } }),
      ...held,
    ];
    const asked = { ...drop, grants: [grant()] };
    assert.equal(decide(rules, asked).outcome, 'deny');
    assert.deepEqual(decide(rules, { ...asked, reason: 'x' }).limits, { rowsMax: 3 });
  });
});

describe('rules that cannot be', () => {
  const bad: readonly [string, Partial<PolicyRule> & Pick<PolicyRule, 'outcome'>][] = [
    ['approval without a hold for it', { outcome: 'deny', approval: {} }],
    ['verdict without a hold for it', { outcome: 'allow', verdict: { holdMs: 100 } }],
    ['limits of a denial', { outcome: 'deny', limits: { rowsMax: 1 } }],
    ['a bad network in an exception', { outcome: 'deny', unless: { networks: ['x'] } }],
  ];
  for (const [name, part] of bad)
    it(`are named: ${name}`, () => {
      assert.throws(
        () => createBuiltInPolicy({ rules: [rule('the-bad-one', part)] }),
        (error) => isCountersignError(error, 'POLICY_INVALID') && error.message.includes('the-bad-one'),
      );
    });
});
