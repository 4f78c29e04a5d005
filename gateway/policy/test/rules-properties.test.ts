/** What must hold for any rules and any command: kept plans decide as fresh ones do, and no rule that restricts opens anything. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PolicyRule } from '../../../schemas/config/policy-rule.ts';
import type { Action, Identity } from '../../../schemas/types.ts';
import { createBuiltInPolicy } from '../built-in-policy.ts';
import type { DecisionInput } from '../decision.ts';
import { RISKS } from '../risk.ts';
import { isStricter } from '../strictness.ts';
import { action, identity, input, MONDAY_NOON } from './support.ts';

const OUTCOMES = ['allow', 'mask', 'hold_verdict', 'hold_approval', 'deny'] as const;
const ACTIONS = ['read', 'write', 'drop', 'grant'];
const OBJECTS = ['public.a', 'public.b', 'hr.c'];
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const some = (values: readonly string[]): fc.Arbitrary<string[]> =>
  fc.subarray([...values], { minLength: 1 });

const partialRule = fc
  .record({
    outcome: fc.constantFrom(...OUTCOMES),
    kinds: maybe(fc.subarray(['human', 'ai_agent', 'workload'] as const, { minLength: 1 })),
    groups: maybe(some(['x', 'y'])),
    connections: maybe(some(['orders', 'bill*'])),
    actions: maybe(some([...ACTIONS, 'd*'])),
    objects: maybe(some([...OBJECTS, 'public.*'])),
    columns: maybe(some(['id', 'secret'])),
    whole: maybe(fc.boolean()),
    riskAtLeast: maybe(fc.constantFrom(...RISKS)),
    hours: maybe(fc.constant({ timeZone: 'UTC', from: '08:00', to: '18:00' })),
    limits: maybe(fc.record({ rowsMax: fc.integer({ min: 0, max: 9 }) })),
    requires: maybe(fc.constant({ reason: true })),
    unless: maybe(fc.constant({ groups: ['y'] })),
  })
  .map((part) => {
    const given = Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined));
    if (given['outcome'] === 'deny') for (const field of ['limits', 'requires']) delete given[field];
    return given as unknown as Partial<PolicyRule> & Pick<PolicyRule, 'outcome'>;
  });
const rulesOf = (parts: readonly (Partial<PolicyRule> & Pick<PolicyRule, 'outcome'>)[]): PolicyRule[] =>
  parts.map((part, index) => ({ name: `r${index}`, reason: 'because', ...part }));

const actions: fc.Arbitrary<Action[]> = fc.array(
  fc
    .record({
      name: fc.constantFrom(...ACTIONS),
      object: fc.option(fc.constantFrom(...OBJECTS)),
      columns: fc.subarray(['id', 'secret']),
      whole: fc.boolean(),
    })
    .map(({ name, object, columns, whole }) => action(name, object, { columns, whole })),
  { maxLength: 3 },
);
const who: fc.Arbitrary<Identity> = fc
  .record({ kind: fc.constantFrom('human', 'ai_agent', 'workload'), groups: fc.subarray(['x', 'y']) })
  .map((part) => identity(part as Partial<Identity>));

const command: fc.Arbitrary<Partial<DecisionInput>> = fc.record({
  actions,
  risk: fc.constantFrom(...RISKS),
  now: fc.constantFrom(MONDAY_NOON, MONDAY_NOON + 10 * 3_600_000),
  reason: fc.constantFrom(null, 'because'),
});
const fresh = (rules: PolicyRule[], given: DecisionInput) =>
  createBuiltInPolicy({ rules }).decide(structuredClone(given));

describe('built-in policy, any rules', () => {
  it('decides in a long session as it would at its start', () => {
    fc.assert(
      fc.property(
        fc.array(partialRule, { minLength: 1, maxLength: 8 }),
        who,
        fc.array(who, { maxLength: 2 }),
        fc.array(command, { minLength: 1, maxLength: 12 }),
        (parts, identityGiven, principals, commands) => {
          const rules = rulesOf(parts);
          const policy = createBuiltInPolicy({ rules });
          const session = input({ identity: identityGiven, principals });
          for (const one of [...commands, ...commands]) {
            const given = { ...session, ...one };
            assert.deepEqual(policy.decide(given), fresh(rules, given));
          }
        },
      ),
      { seed: 6, numRuns: 500 },
    );
  });

  it('never opens more by one more rule that denies or holds', () => {
    fc.assert(
      fc.property(
        fc.array(partialRule, { minLength: 1, maxLength: 8 }),
        partialRule.filter(({ outcome }) => outcome !== 'allow'),
        who,
        command,
        (parts, added, identityGiven, one) => {
          const given = { ...input({ identity: identityGiven }), ...one };
          const before = fresh(rulesOf(parts), given);
          const after = fresh(rulesOf([...parts, added]), given);
          // Where nothing matched, a hold is a way in; else nothing gets easier.
          if (before.rule !== 'default') assert.ok(!isStricter(before.outcome, after.outcome));
        },
      ),
      { seed: 7, numRuns: 2000 },
    );
  });

  it('never gives who acts for a person more than without, nor more than the person', () => {
    fc.assert(
      fc.property(
        fc.array(partialRule, { minLength: 1, maxLength: 8 }),
        who,
        who,
        command,
        (parts, agent, person, one) => {
          const rules = rulesOf(parts);
          const both = fresh(rules, { ...input({ identity: agent, principals: [person] }), ...one });
          for (const alone of [agent, person]) {
            const decided = fresh(rules, { ...input({ identity: alone }), ...one });
            assert.ok(!isStricter(decided.outcome, both.outcome));
            const most = decided.limits?.rowsMax;
            if (most !== undefined && both.outcome !== 'deny') assert.ok(both.limits!.rowsMax! <= most);
          }
        },
      ),
      { seed: 8, numRuns: 2000 },
    );
  });
});
