import type { RegisterCommands } from '../../cli/context.ts';
import { EXIT } from '../../cli/exit-codes.ts';

export const registerExercise: RegisterCommands = (program, context) => {
  const exercise = program
    .command('exercise')
    .description('exercises: attacks and benign changes on the production code');
  exercise
    .command('ls')
    .description('list exercises')
    .action(async () => {
      const { EXERCISES } = await import('../exercise/catalogue.ts');
      context.output().table(
        EXERCISES,
        [
          { title: 'exercise', cell: (row) => row.name },
          { title: 'must be', cell: (row) => row.expect },
          { title: 'what', cell: (row) => row.summary },
        ],
        'None.',
      );
    });
  exercise
    .command('run')
    .description(
      'run one against the running gateway and print the timeline; exit code 1 where it did not end as it should',
    )
    .argument('<name>', 'exercise')
    .option('--seed <n>', 'varies identity, hours and attack', '1')
    .option('--connection <name>', 'connection to run it on', 'sample')
    .option(
      '--host-connection <name>',
      'SSH connection for a second act, where the exercise has one',
      'sample-host',
    )
    .action(async (name: string, options: { seed: string; connection: string; hostConnection: string }) => {
      const { findExercise, printExercise } = await import('../exercise/print-exercise.ts');
      const { hostConnection } = options;
      const connections = await context
        .api()
        .get<{ items: { name: string; protocol: string }[] }>('/v1/connections');
      const isThere = connections.items.some(
        (connection) => connection.name === hostConnection && connection.protocol === 'ssh',
      );
      const ok = await printExercise(context, findExercise(name), {
        seed: Number(options.seed),
        connection: options.connection,
        host: isThere
          ? { connection: hostConnection }
          : { lacking: `there is no SSH connection named ${hostConnection}` },
      });
      if (!ok) process.exitCode = EXIT.failed;
    });
};
