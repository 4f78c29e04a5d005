/**
 * Settings from the environment: `COUNTERSIGN_GATEWAY__DURABILITY=power` sets gateway.durability. Two underscores go one level
 * down, one underscore starts a new word (`SPOOL_BYTES_MAX` is spoolBytesMax). Values are read as YAML scalars.
 */
import { parse } from 'yaml';

const PREFIX = 'COUNTERSIGN_';
/** Variables of that prefix that are not settings. */
const RESERVED = new Set([
  'COUNTERSIGN_NODE',
  'COUNTERSIGN_CONFIG',
  'COUNTERSIGN_API',
  'COUNTERSIGN_API_TOKEN',
  'COUNTERSIGN_TOKEN',
  'COUNTERSIGN_HOME',
]);

const camelCase = (words: string): string =>
  words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Path of the setting that a variable sets; undefined where it sets none. */
export function settingOf(variable: string): string[] | undefined {
  if (!variable.startsWith(PREFIX) || RESERVED.has(variable)) return undefined;
  return variable.slice(PREFIX.length).split('__').map(camelCase);
}

/** Variable that sets the setting at a path. */
export const variableOf = (path: readonly string[]): string =>
  PREFIX + path.map((word) => word.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join('__');

/** Returns `value` with the environment's settings laid over it; `value` itself is not changed. */
export function applyEnvironment(
  value: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): unknown {
  const result = structuredClone(value ?? {}) as Record<string, unknown>;
  for (const [name, text] of Object.entries(environment)) {
    const path = settingOf(name);
    if (path === undefined || text === undefined) continue;
    let at = result;
    for (const key of path.slice(0, -1)) {
      const next = at[key];
      at[key] = next !== null && typeof next === 'object' ? next : {};
      at = at[key] as Record<string, unknown>;
    }
    at[path.at(-1)!] = parse(text) as unknown;
  }
  return result;
}
