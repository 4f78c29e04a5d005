/** The command line: commands of cli/commands, and those that main registers because they need a role of their own. */
import { Argument, Command, CommanderError } from 'commander';
import { completionScript, SHELLS } from './completion.ts';
import { registerApprovals } from './commands/approvals.ts';
import { registerConnect } from './commands/connect.ts';
import { registerConnections } from './commands/connections.ts';
import { registerDeadLetters } from './commands/dead-letters.ts';
import { registerEvents } from './commands/events.ts';
import { registerGrants } from './commands/grants.ts';
import { registerIdentities } from './commands/identities.ts';
import { registerIncidents } from './commands/incidents.ts';
import { registerLogin } from './commands/login.ts';
import { registerLockouts } from './commands/lockouts.ts';
import { registerPlaybooks } from './commands/playbooks.ts';
import { registerService } from './commands/service.ts';
import { registerSessions } from './commands/sessions.ts';
import { registerSql } from './commands/sql.ts';
import { registerSsh } from './commands/ssh.ts';
import { registerTokens } from './commands/tokens.ts';
import { createApiClient } from './api-client.ts';
import { findApi } from './find-api.ts';
import type { CliContext, RegisterCommands } from './context.ts';
import { describeCommand, type CommandDescription } from './describe.ts';
import { cliError } from './errors.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { createOutput } from './output.ts';

export interface CliSurroundings extends Pick<
  CliContext,
  'now' | 'sleep' | 'program' | 'interrupted' | 'environment' | 'stdin' | 'stdout' | 'stderr'
> {
  readonly version: string;
  readonly dataFolder: string;
  /** Commands beyond HTTP. */
  readonly further: readonly RegisterCommands[];
}

/** What stands together in the help. */
const GROUPS: readonly (readonly [title: string, commands: readonly string[]])[] = [
  ['Run it:', ['up', 'run', 'status', 'reload', 'config']],
  ['Work with it:', ['login', 'logout', 'whoami', 'connect']],
  ['Who may reach what:', ['connection', 'identity', 'token']],
  ['What happens:', ['session', 'event', 'detection', 'incident']],
  ['What is done about it:', ['lockout', 'playbook', 'dead-letter']],
  ['Rules and rehearsals:', ['policy', 'rule', 'exercise', 'backtest']],
  ['Tools:', ['sql', 'completion', 'help']],
];

const AFTER_HELP = `
Every command takes --json. Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 not found, 4 not allowed,
5 nobody answers, 130 interrupted.
The control API is found through COUNTERSIGN_API and COUNTERSIGN_API_TOKEN, else COUNTERSIGN_DATA_FOLDER, else by
who is logged in (countersign login), else in .data.`;

interface Coded {
  readonly code: string;
  readonly hint: string;
  readonly message: string;
}

const isCoded = (error: unknown): error is Coded =>
  error instanceof Error &&
  typeof (error as Partial<Coded>).code === 'string' &&
  typeof (error as Partial<Coded>).hint === 'string';

function report(error: unknown, around: CliSurroundings, json: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (around.interrupted.aborted) return EXIT.interrupted;
  const { code, hint, message } = isCoded(error)
    ? error
    : cliError('CLI_BUG', { reason: error instanceof Error ? error.message : String(error) });
  around.stderr.write(
    json
      ? `${JSON.stringify({ code, message, hint })}\n`
      : `${code}: ${message}\n${hint === '' ? '' : `${hint}\n`}`,
  );
  return error instanceof CliError ? error.exitCode : EXIT.failed;
}

/** The tree of all commands. */
function createProgram(around: CliSurroundings, isJson: () => boolean): Command {
  const program = new Command('countersign')
    .description('A session gateway with a detection-and-response loop.')
    .version(around.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .addHelpCommand(
      new Command('help').argument('[command]').description('print help for a command').helpGroup('Tools:'),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', AFTER_HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void around.stdout.write(text),
      writeErr: (text) => void around.stderr.write(text),
      getOutHelpWidth: () => around.stdout.columns ?? 100,
      outputError(text, write) {
        const message = text.replace(/^error: /, '').trim();
        const hint = 'Add --help for what the command takes.';
        write(
          isJson()
            ? `${JSON.stringify({ code: 'CLI_USAGE', message, hint })}\n`
            : `CLI_USAGE: ${message}\n${hint}\n`,
        );
      },
    });
  const context: CliContext = {
    ...around,
    output: () =>
      createOutput(isJson(), (text) => void around.stdout.write(text), around.stdout.columns ?? undefined),
    api: () => createApiClient(findApi(around, around.dataFolder)),
  };
  for (const register of [
    registerSessions,
    registerIdentities,
    registerTokens,
    registerLogin,
    registerLockouts,
    registerApprovals,
    registerGrants,
    registerEvents,
    registerIncidents,
    registerPlaybooks,
    registerConnections,
    registerConnect,
    registerDeadLetters,
    registerService,
    registerSql,
    registerSsh,
    ...around.further,
  ]) {
    register(program, context);
  }
  program
    .command('completion')
    .description('print a completion script, to be read by the shell (source <(countersign completion bash))')
    .addArgument(new Argument('<shell>', 'shell').choices(SHELLS))
    .action((shell: string) => context.output().line(completionScript(program, shell)));
  finish(program);
  arrange(program);
  return program;
}

/** All commands with what they take. */
export function commandTree(further: readonly RegisterCommands[]): CommandDescription {
  const silent = { write: () => true } as unknown as NodeJS.WriteStream;
  const around: CliSurroundings = {
    version: '',
    dataFolder: '',
    further,
    now: () => 0,
    sleep: () => Promise.resolve(),
    program: [],
    interrupted: new AbortController().signal,
    environment: {},
    stdin: process.stdin,
    stdout: silent,
    stderr: silent,
  };
  return describeCommand(createProgram(around, () => false));
}

/** Puts the commands into the groups of the help, and in their order. */
function arrange(program: Command): void {
  const order = GROUPS.flatMap(([, names]) => names);
  const place = (command: Command): number => {
    const at = order.indexOf(command.name());
    return at < 0 ? order.length : at;
  };
  (program.commands as Command[]).sort((one, other) => place(one) - place(other));
  for (const command of program.commands) {
    const title = GROUPS.find(([, names]) => names.includes(command.name()))?.[0];
    if (title !== undefined) command.helpGroup(title);
  }
}

/** What holds for every command: --json, and the settings of the program. */
function finish(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    if (!child.options.some((option) => option.long === '--json')) child.option('--json', 'print JSON');
    finish(child);
  }
}

/** Runs a command line (without `node` and the program's name) and returns the exit code. */
export async function runCli(words: readonly string[], around: CliSurroundings): Promise<number> {
  const end = words.indexOf('--');
  const json = (end < 0 ? words : words.slice(0, end)).includes('--json');
  try {
    await createProgram(around, () => json).parseAsync([...words], { from: 'user' });
    if (around.interrupted.aborted && process.exitCode === undefined) return EXIT.interrupted;
    return process.exitCode === undefined ? EXIT.ok : Number(process.exitCode);
  } catch (error) {
    return report(error, around, json);
  }
}
