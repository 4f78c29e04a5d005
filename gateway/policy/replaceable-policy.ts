/** The policy that is in force now: exchanged as a whole while sessions hold it. Its rules, and what an engine says beside them. */
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { PolicyRule } from '../../schemas/config/policy-rule.ts';
import { createBuiltInPolicy } from './built-in-policy.ts';
import type { DecisionInput, DirectPolicy, Policy, PolicyDecision } from './decision.ts';
import { readDefaultPolicy } from './default-policy.ts';
import { stricterOf } from './strictness.ts';

export interface ReplaceablePolicy extends Policy {
  /**
   * Takes the rules over and returns how many there are. None: the shipped policy, or the engine alone where there is one. Throws
   * POLICY_INVALID; then the old ones stay.
   */
  replace(rules: readonly PolicyRule[]): number;
  /** Looks for a newer policy of the engine. What is wrong with it, if anything; then the old one stays. */
  refresh(): Promise<CountersignError | undefined>;
  /** Why nothing can be decided now. */
  fault(): CountersignError | undefined;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** A policy in Rego with what keeps it. */
export interface EnginePolicy {
  readonly policy: Policy;
  refresh(): Promise<CountersignError | undefined>;
  fault(): CountersignError | undefined;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Throws POLICY_INVALID. */
export function createReplaceablePolicy(
  rules: readonly PolicyRule[],
  engine?: EnginePolicy,
): ReplaceablePolicy {
  const rulesOf = (given: readonly PolicyRule[]): readonly PolicyRule[] =>
    given.length > 0 || engine !== undefined ? given : readDefaultPolicy().rules;
  const made = (given: readonly PolicyRule[]): DirectPolicy | undefined =>
    given.length > 0 ? createBuiltInPolicy({ rules: given }) : undefined;
  let current = made(rulesOf(rules));

  const decide = (input: DecisionInput): PolicyDecision | Promise<PolicyDecision> => {
    const own = current?.decide(input);
    if (engine === undefined || own?.outcome === 'deny') return own!;
    const theirs = engine.policy.decide(input);
    if (own === undefined) return theirs;
    return theirs instanceof Promise
      ? theirs.then((known) => stricterOf(own, known))
      : stricterOf(own, theirs);
  };
  return {
    decide,
    // Made of the rules themselves: caches that key on it forget what other rules said.
    get version() {
      return ((current?.version ?? 0) + (engine?.policy.version ?? 0)) % Number.MAX_SAFE_INTEGER;
    },
    get countsIdentities() {
      return current?.countsIdentities === true || engine?.policy.countsIdentities === true;
    },
    replace(next) {
      const taken = rulesOf(next);
      current = made(taken);
      return taken.length;
    },
    refresh: () => engine?.refresh() ?? Promise.resolve(undefined),
    fault: () => engine?.fault(),
    start: () => engine?.start() ?? Promise.resolve(),
    close: () => engine?.close() ?? Promise.resolve(),
  };
}
