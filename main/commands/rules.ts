import type { RegisterCommands } from '../../cli/context.ts';
import { EXIT } from '../../cli/exit-codes.ts';

export const registerRules: RegisterCommands = (program, context) => {
  const rule = program.command('rule').description('Sigma rules');
  rule
    .command('test')
    .description(
      'run the cases that stand in rule files: true cases must fire, false and evasion cases must not',
    )
    .argument('<files...>', 'rule files, or `all` for the shipped ones')
    .option('--mutate', 'change each condition in turn: a case must break')
    .action(async (files: readonly string[], options: { mutate?: boolean }) => {
      const { ruleFiles, libraryFolder } = await import('../../detectors/rules/index.ts');
      const { runMutations, runRuleCases } = await import('../../detectors/rules/rule-test.ts');
      const named = files.includes('all') ? ruleFiles(libraryFolder) : files;
      const results = named.map((file) => {
        const result = runRuleCases(file);
        const survivors =
          options.mutate === true && result.errors.length === 0 ? runMutations(file).survivors : [];
        return { ...result, survivors };
      });
      const bad = results.filter(
        ({ errors, cases, survivors }) =>
          errors.length > 0 || survivors.length > 0 || cases.some(({ passed }) => !passed),
      );
      context.output().value(results, () => {
        const lines = bad.flatMap(({ file, errors, cases, survivors }) => [
          ...errors.map((error) => `${file}:${error.line}: ${error.reason}`),
          ...cases
            .filter(({ passed }) => !passed)
            .map(
              (found) =>
                `${file}:${found.line}: the ${found.kind} case "${found.name}" ${found.kind === 'true' ? 'did not fire' : 'fired'}`,
            ),
          ...survivors.map((survivor) => `${file}: no case notices: ${survivor}`),
        ]);
        const count = results.reduce((sum, { cases }) => sum + cases.length, 0);
        return [
          ...lines,
          `${results.length} rules, ${count} cases, ${bad.length === 0 ? 'all right' : `${bad.length} rules with mistakes`}.`,
        ].join('\n');
      });
      if (bad.length > 0) process.exitCode = EXIT.failed;
    });
};
