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
]);

const camelCase = (words: string): string =>
  words.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** Returns `value` with the environment's settings laid over it; `value` itself is not changed. */
export function applyEnvironment(
  value: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): unknown {
  const result = structuredClone(value ?? {}) as Record<string, unknown>;
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || RESERVED.has(name) || text === undefined) continue;
    const path = name.slice(PREFIX.length).split('__').map(camelCase);
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
