/** The examples that rules carry, held against the whole policy. */
import type { PolicyCase } from '../../schemas/config/policy-case.ts';
import type { PolicyRule } from '../../schemas/config/policy-rule.ts';
import type { Outcome } from '../../schemas/types.ts';
import { createBuiltInPolicy } from './built-in-policy.ts';
import { inputOfCase, type Analysed } from './case-input.ts';
import type { DirectPolicy } from './decision.ts';

export interface PolicyCaseFailure {
  readonly rule: string;
  readonly name: string;
  /** Place of the case among those of its rule. */
  readonly place: number;
  readonly expected: Outcome;
  readonly actual: Outcome;
  /** Rule that had to decide; null: any. */
  readonly expectedRule: string | null;
  /** Rule that decided. */
  readonly decidedBy: string;
}

/** What a statement of a case does; null where the protocol has no analysis of statements. */
export type AnalyseStatement = (example: PolicyCase) => Promise<Analysed | null>;

/**
 * Failures of all cases that say themselves what is done, none where all hold. Throws POLICY_INVALID for a policy that cannot be
 * made.
 */
export function checkPolicyCases({
  rules,
}: {
  readonly rules: readonly PolicyRule[];
}): readonly PolicyCaseFailure[] {
  const policy = createBuiltInPolicy({ rules });
  return casesOf(rules)
    .filter(({ example }) => example.statement === undefined)
    .flatMap(({ rule, place, example }) => failureOf(policy, rule, place, example));
}

/** The same for those with a statement; `count` is how many there were. */
export async function checkStatementCases(
  { rules }: { readonly rules: readonly PolicyRule[] },
  analyse: AnalyseStatement,
): Promise<{ readonly count: number; readonly failures: readonly PolicyCaseFailure[] }> {
  const policy = createBuiltInPolicy({ rules });
  const cases = casesOf(rules).filter(({ example }) => example.statement !== undefined);
  const failures: PolicyCaseFailure[] = [];
  for (const { rule, place, example } of cases) {
    const analysed = await analyse(example);
    failures.push(
      ...failureOf(
        policy,
        rule,
        place,
        example,
        analysed ?? { actions: [], risk: 'none', fingerprint: null },
      ),
    );
  }
  return { count: cases.length, failures };
}

interface Placed {
  readonly rule: PolicyRule;
  readonly place: number;
  readonly example: PolicyCase;
}

const casesOf = (rules: readonly PolicyRule[]): readonly Placed[] =>
  rules.flatMap((rule) => (rule.cases ?? []).map((example, place) => ({ rule, place, example })));

function failureOf(
  policy: DirectPolicy,
  rule: PolicyRule,
  place: number,
  example: PolicyCase,
  analysed?: Analysed,
): PolicyCaseFailure[] {
  const { outcome, rule: decidedBy } = policy.decide(inputOfCase(example, analysed));
  const expectedRule = example.rule ?? null;
  if (outcome === example.outcome && (expectedRule === null || decidedBy === expectedRule)) return [];
  return [
    {
      rule: rule.name,
      name: example.name,
      place,
      expected: example.outcome,
      actual: outcome,
      expectedRule,
      decidedBy,
    },
  ];
}
