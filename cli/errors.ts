/** What a command can end with, besides what the control API answers. The catalogue (main/error-catalogue.ts) gathers it. */
import { CliError, EXIT } from './exit-codes.ts';

interface CommandErrorDefinition {
  readonly message: string;
  readonly hint: string;
  /** How the process ends. */
  readonly exitCode: number;
}

export const definitions = {
  CLI_USAGE: {
    message: 'The words are not enough: {reason}',
    hint: 'Add --help to the command for its arguments and options.',
    exitCode: EXIT.usage,
  },
  CLI_BAD_DURATION: {
    message: '{text} is not a duration.',
    hint: 'Write 90s, 15m, 1h or 7d.',
    exitCode: EXIT.usage,
  },
  CLI_BAD_TIME: {
    message: '{text} is not a time.',
    hint: 'Write 2026-11-24T03:12:00Z, or 2h for two hours ago.',
    exitCode: EXIT.usage,
  },
  CLI_FILE_UNREADABLE: {
    message: '{file} cannot be read: {reason}',
    hint: 'Check the path and its rights.',
    exitCode: EXIT.usage,
  },
  CLI_OPTIONS_INVALID: {
    message: 'The value of --options is no JSON object.',
    hint: `Write it as one, in quotes: --options '{"execOnly":true}'.`,
    exitCode: EXIT.usage,
  },
  CLI_NO_PASSWORD: {
    message: 'There is no password in {place}.',
    hint: 'Write it into the file, or set the variable.',
    exitCode: EXIT.usage,
  },
  CLI_NO_IDENTITY: {
    message: 'There is no identity {id}.',
    hint: '`countersign identity ls` lists them.',
    exitCode: EXIT.notFound,
  },
  CLI_NO_CONNECTION: {
    message: 'There is no connection {name}.',
    hint: '`countersign connection ls` lists them.',
    exitCode: EXIT.notFound,
  },
  CLI_RULES_INVALID: {
    message: 'The rules have mistakes:{problems}',
    hint: 'Mend what is named; `countersign rule test FILE` says more.',
    exitCode: EXIT.usage,
  },
  CLI_DIRECTORY_INVALID: {
    message: 'The directory has mistakes:{problems}',
    hint: 'Mend what is named.',
    exitCode: EXIT.usage,
  },
  CLI_NOT_RELOADED: {
    message: 'Nothing was changed:{problems}',
    hint: 'Mend what is named and reload again; what was in force before still is.',
    exitCode: EXIT.failed,
  },
  CLI_BUG: {
    message: 'Something failed that should not: {reason}',
    hint: 'Please report it with what you did (CONTRIBUTING.md; SECURITY.md where it concerns safety).',
    exitCode: EXIT.failed,
  },
  CLI_NO_EXERCISE: {
    message: 'There is no exercise {name}; there are: {known}.',
    hint: 'Choose one of those.',
    exitCode: EXIT.notFound,
  },
  CLI_NO_API: {
    message: 'No control API is known: {file} is not there.',
    hint: 'Start one with `npm start`, or set COUNTERSIGN_API and COUNTERSIGN_API_TOKEN.',
    exitCode: EXIT.unreachable,
  },
  CLI_UNREACHABLE: {
    message: 'The control API at {url} does not answer: {reason}',
    hint: 'Is the gateway running? `npm start` starts one.',
    exitCode: EXIT.unreachable,
  },
  CLI_ANSWER_TOO_LARGE: {
    message: 'The answer is over {bytesMax} bytes.',
    hint: 'Ask for less: --limit, --since.',
    exitCode: EXIT.failed,
  },
  CLI_NOT_LOGGED_IN: {
    message: 'Nobody is logged in here{reason}.',
    hint: 'Log in: `countersign login`.',
    exitCode: EXIT.notAllowed,
  },
  CLI_PROVIDER_FAILED: {
    message: 'The identity provider {issuer} did not log you in: {reason}',
    hint: 'Try again; without a browser on this machine: `countersign login --device`.',
    exitCode: EXIT.notAllowed,
  },
  CLI_PROVIDER_DOWN: {
    message: 'The identity provider {issuer} does not answer: {reason}',
    hint: 'What you have opened goes on; try again when it is back.',
    exitCode: EXIT.unreachable,
  },
  CLI_CONNECT_PROTOCOL: {
    message: 'There is nothing to write for {protocol}, which the connection {name} speaks.',
    hint: 'PostgreSQL, SSH, Kubernetes and MCP clients can be set up.',
    exitCode: EXIT.failed,
  },
  CLI_CONNECT_TAKEN: {
    message: '{file} has an entry {name} already that is not of this program.',
    hint: 'Nothing was changed. Rename or remove that entry, or use --print and place it yourself.',
    exitCode: EXIT.failed,
  },
  CLI_CONNECT_FAILED: {
    message: 'The client of {name} cannot be set up: {reason}',
    hint: 'Mend what is named and try again.',
    exitCode: EXIT.failed,
  },
  CLI_LOGIN_FAILED: {
    message: 'The gateway refused the login: {reason}',
    hint: 'See the code in its message; an expired token needs a new one (`countersign token issue`).',
    exitCode: EXIT.notAllowed,
  },
  CLI_SESSION_ENDED: {
    message: 'The session is over: {reason}',
    hint: 'The gateway or the target ended it; `countersign session ls` and `countersign incident ls` say why.',
    exitCode: EXIT.failed,
  },
} as const satisfies Readonly<Record<string, CommandErrorDefinition>>;

/** An error of a command; `{name}` in its message is filled from the details. */
export function cliError(
  code: keyof typeof definitions,
  details: Readonly<Record<string, string | number>>,
): CliError {
  const { message, hint, exitCode } = definitions[code];
  const text = message.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? `{${name}}`));
  return new CliError(code, text, hint, exitCode);
}
