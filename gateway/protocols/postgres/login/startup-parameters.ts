/**
 * Which startup parameters of the client reach the target. An allow list: a startup parameter can set anything (session_preload,
 * role, client_connection_check_interval), and none of it passes the gate that statements pass.
 */
import type { CountersignError } from '../../../../platform/errors/errors.ts';
import { postgresError } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';

/** By lower-cased name. */
const PASSED = new Set([
  'application_name',
  'bytea_output',
  'client_encoding',
  'client_min_messages',
  'datestyle',
  'default_transaction_deferrable',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'extra_float_digits',
  'geqo',
  'idle_in_transaction_session_timeout',
  'intervalstyle',
  'jit',
  'lock_timeout',
  'search_path',
  'statement_timeout',
  'timezone',
  'work_mem',
]);

/** For the gateway itself (relay/stated.ts). */
const OWN = /^countersign\.(reason|ticket)$/i;

/** Client encodings in which a byte of a character can look like ASCII: quotes cannot be trusted there. */
const NOT_ASCII_SAFE =
  /^(sjis|shift_?jis(_?2004)?|mskanji|win932|windows932|big5|win950|windows950|gbk|win936|windows936|uhc|win949|windows949|gb18030|johab)$/;

export type StartupFilter =
  | {
      readonly ok: true;
      readonly parameters: ReadonlyMap<string, string>;
      /** Names that were not passed on. */
      readonly dropped: readonly string[];
    }
  | { readonly ok: false; readonly error: CountersignError };

export function isAsciiSafe(encoding: string): boolean {
  return !NOT_ASCII_SAFE.test(encoding.toLowerCase().replaceAll(/[^a-z0-9_]/g, ''));
}

export function filterStartup(given: ReadonlyMap<string, string>, options: ResolvedOptions): StartupFilter {
  const parameters = new Map<string, string>();
  const dropped: string[] = [];
  const settings = new Map<string, string>();
  if (options.statementTimeoutMs > 0) settings.set('statement_timeout', String(options.statementTimeoutMs));
  for (const [name, value] of given) {
    const lower = name.toLowerCase();
    if (lower === 'user' || lower === 'database' || lower.startsWith('_pq_.')) continue;
    if (lower === 'replication') {
      if (/^(false|off|no|0)$/i.test(value)) continue;
      return { ok: false, error: postgresError('POSTGRES_REPLICATION_REFUSED') };
    }
    if (lower === 'options') {
      const parsed = parseOptions(value);
      if (parsed === undefined)
        return refused('options', 'only -c name=value and --name=value are understood');
      for (const [option, optionValue] of parsed) {
        if (PASSED.has(option)) settings.set(option, optionValue);
        else if (!OWN.test(option)) dropped.push(option);
      }
    } else if (lower === 'application_name' && !options.applicationNamePassed) continue;
    else if (PASSED.has(lower)) parameters.set(name, value);
    else if (!OWN.test(name)) dropped.push(name);
  }
  for (const [name, value] of [...parameters, ...settings])
    if (name.toLowerCase() === 'client_encoding' && !isAsciiSafe(value))
      return refused('client_encoding', `${value} is not ASCII-safe`);
  // Last, so that nothing of the client's can replace it.
  if (options.clientCheckIntervalMs > 0)
    settings.set('client_connection_check_interval', String(options.clientCheckIntervalMs));
  if (settings.size > 0)
    parameters.set(
      'options',
      [...settings].map(([name, value]) => `-c ${name}=${escapeOption(value)}`).join(' '),
    );
  return { ok: true, parameters, dropped };
}

const refused = (parameter: string, reason: string): StartupFilter => ({
  ok: false,
  error: postgresError('POSTGRES_STARTUP_REFUSED', { parameter, reason }),
});

/** White space separates options; a backslash takes the next character as it is (PostgreSQL: pg_split_opts). */
const escapeOption = (value: string): string => value.replaceAll(/[\s\\]/g, (found) => `\\${found}`);

function splitOptions(text: string): string[] {
  const words: string[] = [];
  let word = '';
  let started = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at]!;
    if (/\s/.test(letter)) {
      if (started) words.push(word);
      word = '';
      started = false;
      continue;
    }
    started = true;
    if (letter === '\\' && at + 1 < text.length) at += 1;
    word += text[at]!;
  }
  if (started) words.push(word);
  return words;
}

/** `-c name=value`, `-cname=value` and `--name=value`; undefined where there is something else. */
export function parseOptions(text: string): [string, string][] | undefined {
  const words = splitOptions(text);
  const settings: [string, string][] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    let setting: string | undefined;
    if (word === '-c') setting = words[(at += 1)];
    else if (word.startsWith('-c')) setting = word.slice(2);
    else if (word.startsWith('--')) setting = word.slice(2);
    const equals = setting?.indexOf('=') ?? -1;
    if (setting === undefined || equals < 1) return undefined;
    settings.push([setting.slice(0, equals).replaceAll('-', '_').toLowerCase(), setting.slice(equals + 1)]);
  }
  return settings;
}
