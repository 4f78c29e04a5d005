import { formatProblem } from '../../platform/config/checked-yaml.ts';
import { Config } from '../../schemas/config/config.ts';
import type { RegisterCommands } from '../../cli/context.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { checkConfig } from '../config.ts';

export const registerConfig: RegisterCommands = (program, context) => {
  const config = program.command('config').description('the configuration: check, show, schema');
  config
    .command('check')
    .description(
      'check a configuration file with the policy, playbooks, rules and directory that it names; names file, line and reason of every mistake',
    )
    .argument('[file]', 'YAML file; without one, COUNTERSIGN_CONFIG, or the environment over the defaults')
    .action((named: string | undefined) => {
      const file = named ?? context.environment['COUNTERSIGN_CONFIG'];
      const checked = checkConfig(file, context.environment);
      const output = context.output();
      if (checked.ok)
        output.value({ ok: true, problems: [] }, () => `${file ?? 'The default configuration'} is right.`);
      else {
        output.value({ ok: false, problems: checked.problems }, () =>
          checked.problems.map(formatProblem).join('\n'),
        );
        process.exitCode = EXIT.failed;
      }
    });
  config
    .command('show')
    .description('print the configuration in force, defaults filled in')
    .argument('[file]', 'YAML file')
    .action((named: string | undefined) => {
      const file = named ?? context.environment['COUNTERSIGN_CONFIG'];
      const checked = checkConfig(file, context.environment);
      if (checked.ok) context.output().line(JSON.stringify(checked.value, null, 2));
      else {
        context.stderr.write(`${checked.problems.map(formatProblem).join('\n')}\n`);
        process.exitCode = EXIT.failed;
      }
    });
  config
    .command('schema')
    .description('print the JSON Schema of the configuration, for editors')
    .action(() =>
      context
        .output()
        .line(
          JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...Config }, null, 2),
        ),
    );
};
