import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCountersignError } from '../../../platform/errors/errors.ts';
import type { PolicyRule } from '../../../schemas/config/policy.ts';
import type { DecisionInput, Policy, PolicyDecision } from '../decision.ts';
import { readDefaultPolicy } from '../default-policy.ts';
import { createReplaceablePolicy } from '../replaceable-policy.ts';

const INPUT: DecisionInput = {
  identity: {
    id: 'countersign/a',
    issuer: 'countersign',
    subject: 'a',
    kind: 'human',
    displayName: 'a',
    groups: [],
    credentialSource: null,
    tokenId: null,
    issuedAt: null,
    expiresAt: null,
    onBehalfOf: [],
    attributes: {},
  },
  client: { ip: '192.0.2.1', port: 1, tool: null, version: null },
  target: { connection: 'c', protocol: 'postgres', host: 'h', port: 1, database: null, role: null },
  actions: [{ action: 'drop', objectKind: 'table', object: 't', columns: [], whole: true }],
  risk: 'high',
  fingerprint: null,
  now: 0,
};
const outcomeOf = (policy: Policy): string => (policy.decide(INPUT) as PolicyDecision).outcome;
const rule = (name: string, outcome: 'allow' | 'deny', more: Partial<PolicyRule> = {}): PolicyRule => ({
  name,
  outcome,
  reason: 'because',
  ...more,
});

describe('policy: exchanged while it is held', () => {
  it('decides by the rules in force, under a version of their own', () => {
    const policy = createReplaceablePolicy([rule('all', 'allow')]);
    const first = policy.version;
    assert.equal(outcomeOf(policy), 'allow');
    assert.equal(policy.replace([rule('all', 'allow'), rule('none', 'deny')]), 2);
    assert.equal(outcomeOf(policy), 'deny');
    assert.notEqual(policy.version, first, 'caches must not answer with the old one');
    policy.replace([rule('all', 'allow')]);
    assert.equal(policy.version, first, 'the same rules, the same version');
  });

  it('keeps the old rules where the new ones have a mistake', () => {
    const policy = createReplaceablePolicy([rule('all', 'allow')]);
    const { version } = policy;
    assert.throws(
      () => policy.replace([rule('bad', 'deny', { networks: ['nowhere'] })]),
      (error) => isCountersignError(error) && error.code === 'POLICY_INVALID',
    );
    assert.deepEqual([outcomeOf(policy), policy.version], ['allow', version]);
  });

  it('goes back to the shipped policy where there are no rules', () => {
    const policy = createReplaceablePolicy([rule('all', 'allow')]);
    assert.equal(policy.replace([]), readDefaultPolicy().rules.length);
  });
});
