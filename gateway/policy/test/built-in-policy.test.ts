import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCountersignError } from '../../../platform/errors/errors.ts';
import type { PolicyRule } from '../../../schemas/config/policy.ts';
import type { Action, IdentityKind, RiskClass } from '../../../schemas/types.ts';
import { createBuiltInPolicy } from '../built-in-policy.ts';
import type { DecisionInput } from '../decision.ts';
import { readDefaultPolicy } from '../default-policy.ts';
import { checkPolicyCases } from '../policy-cases.ts';

const MONDAY_NOON = Date.parse('2026-01-05T12:00:00Z');

function action(name: string, object: string | null = null, whole = false): Action {
  return { action: name, objectKind: object === null ? null : 'table', object, columns: [], whole };
}

interface Given {
  kind?: IdentityKind;
  subject?: string;
  groups?: string[];
  source?: string;
  connection?: string;
  protocol?: string;
  ip?: string;
  actions?: Action[];
  risk?: RiskClass;
  now?: number;
}

function input(given: Given = {}): DecisionInput {
  const subject = given.subject ?? 'anna';
  return {
    identity: {
      id: `https://idp.example/${subject}`,
      issuer: 'https://idp.example',
      subject,
      kind: given.kind ?? 'human',
      displayName: subject,
      groups: given.groups ?? [],
      credentialSource: given.source ?? null,
      tokenId: null,
      issuedAt: null,
      expiresAt: null,
      onBehalfOf: [],
      attributes: {},
    },
    client: { ip: given.ip ?? '192.0.2.7', port: 5, tool: null, version: null },
    target: {
      connection: given.connection ?? 'orders',
      protocol: given.protocol ?? 'postgres',
      host: 'h',
      port: 1,
      database: null,
      role: null,
    },
    actions: given.actions ?? [action('read', 'public.orders')],
    risk: given.risk ?? 'low',
    fingerprint: null,
    now: given.now ?? MONDAY_NOON,
  };
}

function rule(part: Partial<PolicyRule> & Pick<PolicyRule, 'outcome'>): PolicyRule {
  return { name: 'rule', reason: 'because', ...part };
}

function outcomeOf(rules: PolicyRule[], given: Given = {}): string {
  const named = rules.map((one, index) => ({ ...one, name: `${one.name}-${index}` }));
  return createBuiltInPolicy({ rules: named }).decide(input(given)).outcome;
}

describe('built-in policy', () => {
  it('denies what no rule matches', () => {
    assert.equal(outcomeOf([rule({ outcome: 'allow', actions: ['write'] })]), 'deny');
    assert.equal(outcomeOf([rule({ outcome: 'allow', actions: ['read'] })]), 'allow');
  });

  it('lets deny win over holds, holds over mask, mask over allow, in any order', () => {
    const order = ['allow', 'mask', 'hold_verdict', 'deny'] as const;
    for (let strict = 1; strict < order.length; strict++) {
      for (let lenient = 0; lenient < strict; lenient++) {
        const two = [rule({ outcome: order[strict]! }), rule({ outcome: order[lenient]! })];
        assert.equal(outcomeOf(two), order[strict]);
        assert.equal(outcomeOf(two.toReversed()), order[strict]);
      }
    }
  });

  it('judges each action by itself', () => {
    const rules = [rule({ outcome: 'allow', actions: ['read'] })];
    const both = [action('read', 'public.orders'), action('drop', 'public.orders')];
    assert.equal(outcomeOf(rules, { actions: both }), 'deny');
    const more = [...rules, rule({ outcome: 'hold_verdict', actions: ['drop'] })];
    assert.equal(outcomeOf(more, { actions: both }), 'hold_verdict');
  });

  it('wants action and object from the same action', () => {
    const rules = [
      rule({ outcome: 'allow' }),
      rule({ outcome: 'deny', actions: ['write'], objects: ['public.pay*'] }),
    ];
    assert.equal(
      outcomeOf(rules, { actions: [action('read', 'public.payments'), action('write', 'public.orders')] }),
      'allow',
    );
    assert.equal(outcomeOf(rules, { actions: [action('write', 'public.payments')] }), 'deny');
  });

  it('allows what touches nothing when something is allowed, and denies it under a denial of everything', () => {
    assert.equal(outcomeOf([rule({ outcome: 'allow', actions: ['read'] })], { actions: [] }), 'allow');
    assert.equal(outcomeOf([rule({ outcome: 'deny', actions: ['drop'] })], { actions: [] }), 'deny');
    assert.equal(outcomeOf([rule({ outcome: 'allow' }), rule({ outcome: 'deny' })], { actions: [] }), 'deny');
    assert.equal(
      outcomeOf([rule({ outcome: 'allow' }), rule({ outcome: 'deny', actions: ['drop'] })], { actions: [] }),
      'allow',
    );
  });

  it('asks for the approval that its rule demands', () => {
    const decision = createBuiltInPolicy({
      rules: [rule({ outcome: 'hold_approval', approval: { approvalsMin: 2, groups: ['dba'] } })],
    }).decide(input());
    assert.equal(decision.outcome, 'hold_approval');
    assert.deepEqual(decision.approval, {
      approvals: 2,
      groups: ['dba'],
      secondFactor: true,
      scope: 'statement',
      validMs: 900_000,
    });
  });

  const conditions: readonly {
    readonly name: string;
    readonly when: Partial<PolicyRule>;
    readonly yes: Given;
    readonly no: Given;
  }[] = [
    {
      name: 'identity id glob',
      when: { identities: ['https://idp.example/an*'] },
      yes: {},
      no: { subject: 'ben' },
    },
    { name: 'subject', when: { identities: ['anna'] }, yes: {}, no: { subject: 'annabel' } },
    { name: 'kind', when: { kinds: ['ai_agent'] }, yes: { kind: 'ai_agent' }, no: {} },
    {
      name: 'group',
      when: { groups: ['db-*'] },
      yes: { groups: ['x', 'db-admins'] },
      no: { groups: ['web'] },
    },
    {
      name: 'credential source',
      when: { credentialSources: ['ci/*/prod'] },
      yes: { source: 'ci/shop/prod' },
      no: { source: 'ci/shop/test' },
    },
    { name: 'no credential source', when: { credentialSources: ['ci/*'] }, yes: { source: 'ci/a' }, no: {} },
    { name: 'connection', when: { connections: ['ord*'] }, yes: {}, no: { connection: 'billing' } },
    { name: 'protocol', when: { protocols: ['postgres'] }, yes: {}, no: { protocol: 'ssh' } },
    { name: 'risk', when: { riskAtLeast: 'high' }, yes: { risk: 'critical' }, no: { risk: 'medium' } },
    {
      name: 'whole',
      when: { whole: true },
      yes: { actions: [action('read', 'a.b', true)] },
      no: { actions: [action('read', 'a.b')] },
    },
    {
      name: 'object',
      when: { objects: ['public.*'] },
      yes: {},
      no: { actions: [action('read', 'private.x')] },
    },
    { name: 'network', when: { networks: ['192.0.2.0/24'] }, yes: {}, no: { ip: '192.0.3.1' } },
    {
      name: 'mapped address',
      when: { networks: ['192.0.2.0/24'] },
      yes: { ip: '::ffff:192.0.2.9' },
      no: { ip: '::1' },
    },
    {
      name: 'IPv6 network',
      when: { networks: ['2001:db8::/32'] },
      yes: { ip: '2001:db8:1::5' },
      no: { ip: '2001:db9::5' },
    },
    {
      name: 'hours',
      when: { hours: { timeZone: 'UTC', from: '08:00', to: '18:00' } },
      yes: {},
      no: { now: Date.parse('2026-01-05T18:00:00Z') },
    },
    {
      name: 'hours elsewhere',
      when: { hours: { timeZone: 'Asia/Tokyo', from: '20:00', to: '22:00' } },
      yes: {},
      no: { now: Date.parse('2026-01-05T20:30:00Z') },
    },
    {
      name: 'hours over midnight belong to their first day',
      when: { hours: { timeZone: 'UTC', days: ['fri'], from: '22:00', to: '06:00' } },
      yes: { now: Date.parse('2026-01-10T05:59:00Z') },
      no: { now: Date.parse('2026-01-09T05:59:00Z') },
    },
  ];
  for (const { name, when, yes, no } of conditions) {
    it(`matches by ${name}`, () => {
      const rules = [rule({ outcome: 'allow', ...when })];
      assert.equal(outcomeOf(rules, yes), 'allow');
      assert.equal(outcomeOf(rules, no), 'deny');
    });
  }

  it('names rule and reason of what cannot be a policy', () => {
    const bad: Partial<PolicyRule>[] = [
      { networks: ['192.0.2.0/33'] },
      { networks: ['not an address'] },
      { networks: ['10.0.0.0/8/9'] },
      { hours: { timeZone: 'Mars/Olympus', from: '08:00', to: '09:00' } },
      { hours: { timeZone: 'UTC', from: '08:00', to: '08:00' } },
    ];
    for (const part of bad) {
      assert.throws(
        () => createBuiltInPolicy({ rules: [rule({ name: 'the-bad-one', outcome: 'deny', ...part })] }),
        (error: unknown) =>
          isCountersignError(error, 'POLICY_INVALID') && error.message.includes('the-bad-one'),
      );
    }
    assert.throws(
      () => createBuiltInPolicy({ rules: [rule({ outcome: 'deny' }), rule({ outcome: 'allow' })] }),
      (error: unknown) => isCountersignError(error, 'POLICY_INVALID'),
    );
  });

  it('has another version for other rules, and the same for the same', () => {
    const one = createBuiltInPolicy({ rules: [rule({ outcome: 'deny' })] });
    assert.equal(one.version, createBuiltInPolicy({ rules: [rule({ outcome: 'deny' })] }).version);
    assert.notEqual(one.version, createBuiltInPolicy({ rules: [rule({ outcome: 'allow' })] }).version);
  });

  it('takes globs with many stars in linear time', () => {
    const rules = [rule({ outcome: 'allow', objects: [`${'*a'.repeat(100)}b`] })];
    assert.equal(outcomeOf(rules, { actions: [action('read', 'a'.repeat(20_000))] }), 'deny');
    assert.equal(outcomeOf(rules, { actions: [action('read', `${'a'.repeat(20_000)}b`)] }), 'allow');
  });
});

describe('default policy', () => {
  const config = readDefaultPolicy();

  it('holds its own cases, and has some for each rule that restricts', () => {
    assert.deepEqual(checkPolicyCases(config), []);
    for (const one of config.rules)
      if (one.outcome !== 'allow') assert.ok((one.cases ?? []).length >= 2, one.name);
  });

  it('denies a machine opaque code beside anything else', () => {
    const policy = createBuiltInPolicy(config);
    for (const kind of ['service_account', 'workload', 'ai_agent', 'unknown'] as const) {
      const decision = policy.decide(
        input({ kind, risk: 'high', actions: [action('read', 'a.b'), action('opaque_code')] }),
      );
      assert.deepEqual([decision.outcome, decision.rule], ['deny', 'opaque-code-of-machines-denied']);
      assert.equal(
        policy.decide(input({ kind, risk: 'high', actions: [action('drop', 'a.b')] })).outcome,
        'hold_approval',
      );
      assert.equal(policy.decide(input({ kind })).outcome, 'allow');
    }
  });
});

describe('policy cases', () => {
  it('tell which example came out otherwise, and which rule decided', () => {
    const failures = checkPolicyCases({
      rules: [
        rule({
          name: 'no-drops',
          outcome: 'deny',
          actions: ['drop'],
          cases: [{ name: 'a read', action: 'read', outcome: 'deny' }],
        }),
        rule({
          name: 'rest',
          outcome: 'allow',
          cases: [{ name: 'a drop', action: 'drop', outcome: 'deny' }],
        }),
      ],
    });
    assert.deepEqual(failures, [
      {
        rule: 'no-drops',
        name: 'a read',
        place: 0,
        expected: 'deny',
        actual: 'allow',
        expectedRule: null,
        decidedBy: 'rest',
      },
    ]);
  });
});
