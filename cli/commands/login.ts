/** `countersign login`, `logout`, `whoami`: people with an identity provider. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { LoginAnswer } from '../../schemas/api/exchange.ts';
import type { CliContext, RegisterCommands } from '../context.ts';
import { cliError } from '../errors.ts';
import { readLogin, removeLogin, writeLogin, type Login } from '../login/login-file.ts';
import { endAtProvider, loginByBrowser, loginByDevice } from '../login/provider.ts';
import { exchangeToken, loginOf, openApi } from '../login/session.ts';
import { formatFields, formatTime } from '../output.ts';
import { readPort } from '../options.ts';

interface LoginOptions {
  readonly api?: string;
  readonly ca?: string;
  readonly device?: boolean;
  readonly browser: boolean;
  readonly port: number;
}

/** Opens a browser where there is one; the address is printed in any case. */
function openBrowser(url: string, { environment }: CliContext): void {
  const own = environment['BROWSER'];
  const [program, ...words] =
    own !== undefined && own !== ''
      ? own.split(' ')
      : process.platform === 'darwin'
        ? ['open']
        : process.platform === 'win32'
          ? ['cmd', '/c', 'start', '']
          : ['xdg-open'];
  const child = spawn(program!, [...words, url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}

function apiOf({ api, ca }: LoginOptions, context: CliContext): Login['api'] {
  const before = readLogin(context.environment)?.api;
  const url = api ?? context.environment['COUNTERSIGN_API'] ?? before?.url;
  if (url === undefined) throw cliError('CLI_USAGE', { reason: 'name the gateway with --api https://...' });
  if (URL.parse(url) === null) throw cliError('CLI_USAGE', { reason: `${url} is no address` });
  if (ca === undefined) return url === before?.url ? before : { url };
  try {
    return { url, ca: readFileSync(ca, 'utf8') };
  } catch (error) {
    throw cliError('CLI_FILE_UNREADABLE', { file: ca, reason: (error as Error).message });
  }
}

const login: RegisterCommands = (program, context) => {
  program
    .command('login')
    .description('log in with your identity provider; tokens are renewed by themselves from then on')
    .option('--api <url>', 'control API of the gateway; the one of the last login where absent')
    .option('--ca <file>', 'certificate authority of the control API, PEM')
    .option('--device', 'with a code on another device instead of the browser here')
    .option('--no-browser', 'print the address instead of opening it')
    .option('--port <n>', 'port that the provider sends the browser back to; any where absent', readPort, 0)
    .action(async (options: LoginOptions) => {
      const api = apiOf(options, context);
      const provider = await openApi(api).get<LoginAnswer>('/v1/login');
      const say = (text: string): void => void context.stderr.write(`${text}\n`);
      const tokens =
        options.device === true
          ? await loginByDevice(provider, {
              signal: context.interrupted,
              show: (url, code) => say(`Open ${url} and enter the code ${code}`),
            })
          : await loginByBrowser(provider, {
              port: options.port,
              signal: context.interrupted,
              show(url) {
                say(`Log in here: ${url}`);
                if (options.browser) openBrowser(url, context);
              },
            });
      const answer = await exchangeToken(api, { token: tokens.shown, type: provider.shows });
      const made = loginOf(api, provider, answer, tokens.refreshToken);
      writeLogin(context.environment, made);
      const { identityId, expiresAt } = made;
      context
        .output()
        .value({ identityId, expiresAt, renewable: made.refreshToken !== null }, () =>
          [
            `You are ${identityId} until ${formatTime(expiresAt)} UTC`,
            made.refreshToken === null ? ', then log in again.' : '; after that it is renewed by itself.',
          ].join(''),
        );
    });
};

const logout: RegisterCommands = (program, context) => {
  program
    .command('logout')
    .description('end your login: its tokens stop working, and sessions that they opened end')
    .action(async () => {
      const known = readLogin(context.environment);
      if (known === undefined) throw cliError('CLI_NOT_LOGGED_IN', { reason: '' });
      removeLogin(context.environment);
      if (known.refreshToken !== null) await endAtProvider(known.provider, known.refreshToken);
      const form = new URLSearchParams({ token: known.token });
      await openApi(known.api).sendText(
        'POST',
        '/v1/tokens/revoke',
        'application/x-www-form-urlencoded',
        form.toString(),
      );
      context.output().value({ identityId: known.identityId }, () => `${known.identityId} is logged out.`);
    });
};

const whoami: RegisterCommands = (program, context) => {
  program
    .command('whoami')
    .description('who you are at the control API, and what you may do there')
    .action(async () => {
      const who = await context.api().get<{ subject: string; scopes: string[] }>('/v1/whoami');
      context.output().value(who, () =>
        formatFields([
          ['subject', who.subject],
          ['scopes', who.scopes.join(', ')],
        ]),
      );
    });
};

export const registerLogin: RegisterCommands = (program, context) => {
  for (const add of [login, logout, whoami]) add(program, context);
};
