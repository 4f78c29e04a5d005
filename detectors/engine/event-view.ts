import type { EventView, FactValue } from '../detector.ts';
import type { SessionEvent } from '../../schemas/types.ts';

interface Path {
  readonly parts: readonly string[];
  /** From each part on, as one name. */
  readonly rests: readonly string[];
}

const paths = new Map<string, Path>();
const PATHS_MAX = 4096;
const FACTS = 'facts.';

function pathOf(name: string): Path {
  const known = paths.get(name);
  if (known !== undefined) return known;
  if (paths.size >= PATHS_MAX) paths.clear();
  const parts = name.split('.');
  const path = { parts, rests: parts.map((_, at) => parts.slice(at).join('.')) };
  paths.set(name, path);
  return path;
}

function collect(value: unknown, path: Path, at: number, found: FactValue[]): void {
  const { parts, rests } = path;
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    for (const item of value) collect(item, path, at, found);
    return;
  }
  if (at === parts.length) {
    if (value instanceof Uint8Array) found.push(Buffer.from(value).toString('base64'));
    else if (typeof value !== 'object') found.push(value as FactValue);
    return;
  }
  if (typeof value !== 'object' || value instanceof Uint8Array) return;
  const key = parts[at]!;
  if (Object.hasOwn(value, key)) {
    collect((value as Record<string, unknown>)[key], path, at + 1, found);
    return;
  }
  // Keys of maps (attributes) may hold dots themselves.
  if (at < parts.length - 1 && Object.hasOwn(value, rests[at]!))
    collect((value as Record<string, unknown>)[rests[at]!], path, parts.length, found);
}

/** An event with the facts that detectors establish on the way. Null and absent fields give no values. */
export function createEventView(event: SessionEvent): EventView {
  const facts = new Map<string, readonly FactValue[]>();
  // Rules ask for the same few fields again and again; the record does not change.
  const read = new Map<string, readonly FactValue[]>();
  return {
    event,
    field(name) {
      if (name.startsWith(FACTS)) return facts.get(name.slice(FACTS.length)) ?? [];
      const known = read.get(name);
      if (known !== undefined) return known;
      const found: FactValue[] = [];
      collect(event, pathOf(name), 0, found);
      read.set(name, found);
      return found;
    },
    setFact(name, value) {
      facts.set(name, [value]);
    },
  };
}
