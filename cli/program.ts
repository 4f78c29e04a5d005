/** The command line: commands of cli/commands, and those that main registers because they need a role of their own. */
import { Command, CommanderError } from 'commander';
import { completionScript } from './completion.ts';
import { registerConnections } from './commands/connections.ts';
import { registerFindings } from './commands/findings.ts';
import { registerLockouts } from './commands/lockouts.ts';
import { registerSessions } from './commands/sessions.ts';
import { registerSql } from './commands/sql.ts';
import { registerTokens } from './commands/tokens.ts';
import { createApiClient, findApi } from './api-client.ts';
import type { CliContext, RegisterCommands } from './context.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { createOutput } from './output.ts';

export interface CliSurroundings extends Pick<
  CliContext,
  'now' | 'interrupted' | 'environment' | 'stdin' | 'stdout' | 'stderr'
> {
  readonly version: string;
  readonly dataFolder: string;
  /** Commands beyond HTTP. */
  readonly further: readonly RegisterCommands[];
}

interface Coded {
  code?: unknown;
  hint?: unknown;
  message: string;
}

/** Runs a command line (without `node` and the program's name) and returns the exit code. */
export async function runCli(words: readonly string[], around: CliSurroundings): Promise<number> {
  const program = new Command('countersign')
    .description('A session gateway with a detection-and-response loop.')
    .version(around.version)
    .option('--json', 'print JSON')
    .showHelpAfterError('(add --help for the options)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void around.stdout.write(text),
      writeErr: (text) => void around.stderr.write(text),
    });
  const output = (): ReturnType<typeof createOutput> =>
    createOutput(
      program.opts<{ json?: boolean }>().json === true || words.includes('--json'),
      (text) => void around.stdout.write(text),
    );
  const context: CliContext = {
    ...around,
    output,
    api: () => createApiClient(findApi(around.environment, around.dataFolder)),
  };
  for (const register of [
    registerSessions,
    registerTokens,
    registerLockouts,
    registerFindings,
    registerConnections,
    registerSql,
    ...around.further,
  ]) {
    register(program, context);
  }
  program
    .command('completion')
    .description('print a completion script')
    .argument('<shell>', 'bash, zsh or fish')
    .action((shell: string) => context.output().line(completionScript(program, shell)));
  const inherit = (command: Command): void => {
    for (const child of command.commands) {
      child.copyInheritedSettings(command);
      if (!child.options.some((option) => option.long === '--json')) child.option('--json', 'print JSON');
      inherit(child);
    }
  };
  inherit(program);
  try {
    await program.parseAsync([...words], { from: 'user' });
    return process.exitCode === undefined ? EXIT.ok : Number(process.exitCode);
  } catch (error) {
    return report(error, around, output().json);
  }
}

function report(error: unknown, around: CliSurroundings, json: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (around.interrupted.aborted) return 130;
  const { code, hint, message } = error as Coded;
  if (typeof code !== 'string' || typeof hint !== 'string') throw error;
  around.stderr.write(
    json
      ? `${JSON.stringify({ code, message, hint })}\n`
      : `${code}: ${message}\n${hint === '' ? '' : `${hint}\n`}`,
  );
  return error instanceof CliError ? error.exitCode : EXIT.failed;
}
