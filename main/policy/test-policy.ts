/** `countersign policy test`: rules, their cases, and cases with a statement by its real analysis. */
import { caseProblem } from '../../gateway/policy/policy-files.ts';
import { checkStatementCases } from '../../gateway/policy/policy-cases.ts';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { formatProblem } from '../../platform/config/checked-yaml.ts';
import type { CliContext } from '../../cli/context.ts';
import { createStatementAnalyser } from './analyse-statement.ts';
import { readRules } from './read-rules.ts';

/** False where there is a mistake, or a case that the policy does not keep. */
export async function testPolicy(context: CliContext, named: readonly string[]): Promise<boolean> {
  const read = readRules(named, context.environment);
  const rules = read.rules.map(({ rule }) => rule);
  const problems = [...read.problems];
  const cases = rules.reduce((sum, rule) => sum + (rule.cases?.length ?? 0), 0);
  if (problems.length === 0 && rules.length > 0) {
    const analyser = createStatementAnalyser(createSystemClock());
    try {
      const { failures } = await checkStatementCases({ rules }, (example) =>
        analyser.analyse(example.protocol ?? 'postgres', example.statement!),
      );
      problems.push(...failures.map((failure) => caseProblem(read.rules, failure)));
    } finally {
      await analyser.close();
    }
  }
  const ok = problems.length === 0;
  const counts = `${rules.length} rules, ${cases} cases`;
  context
    .output()
    .value({ ok, from: read.from, rules: rules.length, cases, problems }, () =>
      ok
        ? `${read.from}: ${counts}, all right.`
        : [...problems.map(formatProblem), `${read.from}: ${counts}, ${problems.length} wrong.`].join('\n'),
    );
  return ok;
}
