import type { RegisterCommands } from '../../cli/context.ts';
import { EXIT } from '../../cli/exit-codes.ts';

export const registerPlaybookTest: RegisterCommands = (program, context) => {
  program.commands
    .find((command) => command.name() === 'playbook')!
    .command('test')
    .alias('check')
    .description('check playbook files and run the cases that stand in them; needs no running gateway')
    .argument('<files...>', 'playbook files, or `all` for the shipped ones')
    .action(async (files: readonly string[]) => {
      const { shippedPlaybooks, testPlaybook } = await import('../playbook-test.ts');
      const results = (files.includes('all') ? shippedPlaybooks() : files).map(testPlaybook);
      const bad = results.filter(({ problems }) => problems.length > 0);
      context.output().value(results, () => {
        const cases = results.reduce((sum, { cases: count }) => sum + count, 0);
        const verdict = bad.length === 0 ? 'all right' : `${bad.length} with mistakes`;
        return [
          ...bad.flatMap(({ problems }) => problems),
          `${results.length} playbooks, ${cases} cases, ${verdict}.`,
        ].join('\n');
      });
      if (bad.length > 0) process.exitCode = EXIT.failed;
    });
};
