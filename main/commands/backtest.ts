import type { RegisterCommands } from '../../cli/context.ts';
import { cliError } from '../../cli/errors.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { collect } from '../../cli/options.ts';
import type { BacktestOptions } from '../backtest.ts';

export const registerBacktest: RegisterCommands = (program, context) => {
  program
    .command('backtest')
    .description(
      'run rules and baselines over history in event time; changes nothing, prints each detection as NDJSON and the rates per detector (to standard error)',
    )
    .argument('[file]', 'session events as NDJSON; `-` for standard input')
    .option('--since <time>', 'history of the running installation instead of a file: 7d, or ISO 8601')
    .option('--until <time>', 'with --since: before')
    .option('--identity <id>', 'with --since: of one identity')
    .option('--exercises', 'with --since: also events of exercises')
    .option('--rules <folder>', 'folder of further rules; may be given several times', collect)
    .option('--directory <file>', 'directory file: leavers, owners, time zones')
    .action(async (file: string | undefined, options: BacktestOptions) => {
      if ((file === undefined) === (options.since === undefined))
        throw cliError('CLI_USAGE', {
          reason: 'name one history, a file (- for standard input) or --since 7d',
        });
      const { runBacktest } = await import('../backtest.ts');
      if (!(await runBacktest(context, file, options))) process.exitCode = EXIT.failed;
    });
};
