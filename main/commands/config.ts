import type { CliContext, RegisterCommands } from '../../cli/context.ts';
import { EXIT } from '../../cli/exit-codes.ts';

const fileOf = (named: string | undefined, { environment }: CliContext): string | undefined =>
  named ?? environment['COUNTERSIGN_CONFIG'];

const FILE = 'YAML file; without one, COUNTERSIGN_CONFIG, else the environment over the defaults';

export const registerConfig: RegisterCommands = (program, context) => {
  const config = program.command('config').description('the configuration: check, show, schema');
  const read = async (file: string | undefined) => {
    const { checkConfig } = await import('../config.ts');
    const { formatProblem } = await import('../../platform/config/checked-yaml.ts');
    const checked = checkConfig(file, context.environment);
    return { checked, problems: checked.ok ? [] : checked.problems, formatProblem };
  };
  config
    .command('check')
    .description(
      'check a configuration with the policy, playbooks, rules and directory that it names; says file, line and reason of every mistake',
    )
    .argument('[file]', FILE)
    .action(async (named: string | undefined) => {
      const file = fileOf(named, context);
      const { problems, formatProblem } = await read(file);
      const ok = problems.length === 0;
      context
        .output()
        .value({ ok, problems }, () =>
          ok ? `${file ?? 'The default configuration'} is right.` : problems.map(formatProblem).join('\n'),
        );
      if (!ok) process.exitCode = EXIT.failed;
    });
  config
    .command('show')
    .description('print a configuration with everything filled in, as YAML (JSON with --json)')
    .argument('[file]', FILE)
    .action(async (named: string | undefined) => {
      const { checked, problems, formatProblem } = await read(fileOf(named, context));
      if (checked.ok) {
        const { stringify } = await import('yaml');
        context.output().value(checked.value, () => stringify(checked.value).trimEnd());
      } else {
        context.stderr.write(`${problems.map(formatProblem).join('\n')}\n`);
        process.exitCode = EXIT.failed;
      }
    });
  config
    .command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .action(async () => {
      const { configSchemaText } = await import('../config-reference.ts');
      context.output().line(configSchemaText().trimEnd());
    });
};
