import { Option } from 'commander';
import type { RegisterCommands } from '../../cli/context.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { choice, collect, IDENTITY_KINDS, readCount } from '../../cli/options.ts';
import type { DryRunOptions } from '../policy/dry-run.ts';
import type { ExplainOptions } from '../policy/explain-policy.ts';

const FILES =
  'policy files, folders of them, or a configuration; without any, COUNTERSIGN_CONFIG, else the shipped policy';

export const registerPolicy: RegisterCommands = (program, context) => {
  const policy = program.command('policy').description('the policy: test, explain, dry-run');
  policy
    .command('test')
    .description('check rules and run the cases that stand in them; statements by the real analysis')
    .argument('[files...]', FILES)
    .action(async (files: readonly string[]) => {
      const { testPolicy } = await import('../policy/test-policy.ts');
      if (!(await testPolicy(context, files))) process.exitCode = EXIT.failed;
    });
  policy
    .command('explain')
    .description('say what the policy does with a command, by which rule, and which rules were near')
    .requiredOption(
      '--identity <id>',
      'who (or an account of the gateway); kind and groups are looked up where an installation runs',
    )
    .requiredOption('--statement <text>', 'the command as the client sends it')
    .option('--connection <name>', 'where to')
    .option('--protocol <name>', "postgres or ssh; without it, the connection's")
    .addOption(choice('--kind <kind>', 'kind of the identity', IDENTITY_KINDS))
    .option('--group <name>', 'a group of it; may be given several times', collect)
    .option('--credential-source <source>', 'where its token came from')
    .option('--attribute <name=value>', 'an attribute of it; may be given several times', collect)
    .option('--ip <address>', 'from where')
    .option('--time <time>', 'when, ISO 8601; now without it')
    .option('--reason <text>', 'the reason that the client states')
    .option('--ticket <id>', 'the ticket that it names')
    .option('--policy <file>', 'policy file or folder; may be given several times', collect)
    .option('--config <file>', 'configuration with the policy', context.environment['COUNTERSIGN_CONFIG'])
    .action(async (options: ExplainOptions) => {
      const { explainPolicy } = await import('../policy/explain-policy.ts');
      if (!(await explainPolicy(context, options))) process.exitCode = EXIT.failed;
    });
  policy
    .command('dry-run')
    .description('say what rules would have done with the recorded history of the running installation')
    .argument('<files...>', FILES)
    .requiredOption('--since <time>', 'not before: ISO 8601, or 7d for seven days ago')
    .option('--until <time>', 'before: ISO 8601, or a duration ago')
    .option('--identity <id>', 'of one identity (or account of the gateway)')
    .option('--exercises', 'also events of exercises')
    .addOption(new Option('--limit <n>', 'list at most so many').argParser(readCount).default(50))
    .action(async (files: readonly string[], options: DryRunOptions) => {
      const { dryRunPolicy } = await import('../policy/dry-run.ts');
      if (!(await dryRunPolicy(context, files, options))) process.exitCode = EXIT.failed;
    });
};
