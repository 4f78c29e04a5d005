import { createReadStream, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { ImportAnswer } from '../../schemas/api/imports.ts';
import type { CliContext, RegisterCommands } from '../../cli/context.ts';
import { cliError } from '../../cli/errors.ts';
import { EXIT } from '../../cli/exit-codes.ts';

/** Histories may be larger than memory: they are read as they are sent. */
function openInput(file: string, { stdin }: CliContext): Readable {
  if (file === '-') return stdin;
  try {
    return createReadStream('', { fd: openSync(file, 'r') });
  } catch (error) {
    throw cliError('CLI_FILE_UNREADABLE', { file, reason: (error as Error).message });
  }
}

export const registerEventImport: RegisterCommands = (program, context) => {
  const event = program.commands.find((command) => command.name() === 'event') ?? program.command('event');
  event
    .command('import')
    .description(
      "put session events (NDJSON, the schema's JSON form) into the log; what is imported never acts",
    )
    .argument('<file>', 'file with one event a line; `-` for standard input')
    .option('--wait', 'until the detectors have passed them')
    .action(async (file: string, options: { wait?: boolean }) => {
      const answer = await context
        .api()
        .sendText<ImportAnswer>(
          'POST',
          `/v1/events/import?wait=${options.wait === true ? 'detected' : 'recorded'}`,
          'application/x-ndjson',
          openInput(file, context),
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
