/** Who is logged in on this machine: a file that only its owner reads. */
import {
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { LoginAnswer } from '../../schemas/api/exchange.ts';
import { cliError } from '../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface LoginSurroundings {
  readonly environment: Environment;
  now(): number;
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export interface Login {
  readonly api: { readonly url: string; readonly ca?: string };
  /** Token of the gateway. */
  readonly token: string;
  readonly userName: string;
  readonly tokenId: string;
  readonly identityId: string;
  readonly expiresAt: number;
  readonly provider: LoginAnswer;
  /** Of the provider; null: it gave none, and a new login is needed when the token has ended. */
  readonly refreshToken: string | null;
}

/** COUNTERSIGN_HOME, else as the XDG base directory specification has it. */
export function homeFolder(environment: Environment): string {
  const own = environment['COUNTERSIGN_HOME'];
  if (own !== undefined && own !== '') return own;
  const xdg = environment['XDG_CONFIG_HOME'];
  const home = environment['HOME'] ?? homedir();
  return join(xdg === undefined || xdg === '' ? join(home, '.config') : xdg, 'countersign');
}

const fileOf = (environment: Environment): string => join(homeFolder(environment), 'login.json');

export function readLogin(environment: Environment): Login | undefined {
  let text: string;
  try {
    text = readFileSync(fileOf(environment), 'utf8');
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text) as Login;
  } catch {
    throw cliError('CLI_NOT_LOGGED_IN', { reason: ` (${fileOf(environment)} cannot be read)` });
  }
}

/** A secret file: whole or not at all, and nobody else reads it. */
export function writePrivate(file: string, text: string, mode = 0o600): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode, flag: 'wx' });
  renameSync(draft, file);
}

export function writeLogin(environment: Environment, login: Login): void {
  mkdirSync(homeFolder(environment), { recursive: true, mode: 0o700 });
  writePrivate(fileOf(environment), `${JSON.stringify(login, null, 2)}\n`);
}

export const removeLogin = (environment: Environment): void => rmSync(fileOf(environment), { force: true });

/** Whoever crashed while he held it does not hold it for ever. */
const LOCK_MS_MAX = 60_000;
const LOOK_MS = 50;

/** One process at a time: providers take a refresh token that is used twice for a stolen one. */
export async function locked<T>(around: LoginSurroundings, work: () => Promise<T>): Promise<T> {
  const folder = homeFolder(around.environment);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = join(folder, 'login.lock');
  for (;;) {
    try {
      closeSync(openSync(lock, 'wx', 0o600));
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
      if (since !== undefined && around.now() - since > LOCK_MS_MAX) rmSync(lock, { force: true });
      else await around.sleep(LOOK_MS);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}
