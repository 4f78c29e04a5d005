/** The policy that is in force now: exchanged as a whole while sessions hold it. */
import type { PolicyRule } from '../../schemas/config/policy-rule.ts';
import { createBuiltInPolicy } from './built-in-policy.ts';
import type { DirectPolicy } from './decision.ts';
import { readDefaultPolicy } from './default-policy.ts';

export interface ReplaceablePolicy extends DirectPolicy {
  /** Takes the rules over (none: the shipped policy) and returns how many there are. Throws POLICY_INVALID; then the old ones stay. */
  replace(rules: readonly PolicyRule[]): number;
}

/** Throws POLICY_INVALID. */
export function createReplaceablePolicy(rules: readonly PolicyRule[]): ReplaceablePolicy {
  const rulesOf = (given: readonly PolicyRule[]): PolicyRule[] =>
    given.length > 0 ? [...given] : readDefaultPolicy().rules;
  let current = createBuiltInPolicy({ rules: rulesOf(rules) });
  return {
    decide: (input) => current.decide(input),
    // Made of the rules themselves: caches that key on it forget what other rules said.
    get version() {
      return current.version;
    },
    replace(next) {
      const taken = rulesOf(next);
      current = createBuiltInPolicy({ rules: taken });
      return taken.length;
    },
  };
}
