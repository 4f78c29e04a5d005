import { readFileSync } from 'node:fs';
import type { ImportAnswer } from '../../schemas/api/imports.ts';
import type { RegisterCommands } from '../../cli/context.ts';
import { cliError } from '../../cli/errors.ts';
import { EXIT } from '../../cli/exit-codes.ts';

export const registerEventImport: RegisterCommands = (program, context) => {
  const event = program.commands.find((command) => command.name() === 'event') ?? program.command('event');
  event
    .command('import')
    .description(
      "put session events (NDJSON, the schema's JSON form) into the log; what is imported never acts",
    )
    .argument('<file>', 'file with one event a line')
    .option('--wait', 'until the detectors have passed them')
    .action(async (file: string, options: { wait?: boolean }) => {
      let text: string;
      try {
        text = readFileSync(file, 'utf8');
      } catch (error) {
        throw cliError('CLI_FILE_UNREADABLE', { file, reason: (error as Error).message });
      }
      const answer = await context
        .api()
        .sendText<ImportAnswer>(
          'POST',
          `/v1/events/import?wait=${options.wait === true ? 'detected' : 'recorded'}`,
          'application/x-ndjson',
          text,
        );
      context
        .output()
        .value(answer, () =>
          [
            ...answer.problems.map(({ line, reason }) => `${file}:${line}: ${reason}`),
            `${answer.imported} events imported, ${answer.bad} lines refused.`,
          ].join('\n'),
        );
      if (answer.bad > 0) process.exitCode = EXIT.failed;
    });
};
