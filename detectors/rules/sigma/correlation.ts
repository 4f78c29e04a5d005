/**
 * State of a correlation rule for one identity: the matching events of each group, in event time. Events that are late by up to
 * 10 min are put where they belong; later ones are dropped. All bounds together keep the encoded state under 256 KiB.
 */
import type { EventView } from '../../detector.ts';
import { fieldReader, type FieldReader } from '../fields.ts';
import type { CorrelationRule } from './ast.ts';
import type { Predicate } from './selection.ts';
import { findWindow, type Entry, type Hit } from './window.ts';

export const LATE_MAX_MS = 600_000;
export const ENTRIES_MAX = 500;
export const GROUPS_MAX = 100;
const VALUE_CHARS_MAX = 100;

interface Group {
  entries: Entry[];
  /** Time of the event that fired last; null before. */
  fired: number | null;
}

export interface CorrelationState {
  groups: Map<string, Group>;
  /** Greatest event time seen. */
  newest: number;
}

/** One of the correlated rules. */
export interface Source {
  readonly matches: Predicate;
  /** Id and name, for aliases. */
  readonly names: readonly string[];
}

export interface Correlator {
  create(): CorrelationState;
  encode(state: CorrelationState): Uint8Array;
  decode(bytes: Uint8Array): CorrelationState;
  /** Takes the event in; a hit at most once for a group within a timespan. */
  take(view: EventView, state: CorrelationState): Hit | null;
}

export function createCorrelator(rule: CorrelationRule, sources: readonly Source[]): Correlator {
  const groupReaders = sources.map(({ names }) =>
    rule.groupBy.map((name) => fieldReader(resolve(rule, name, names))),
  );
  const valueReaders = sources.map(({ names }) =>
    rule.field === null ? null : fieldReader(resolve(rule, rule.field, names)),
  );

  return {
    create: () => ({ groups: new Map(), newest: 0 }),
    encode: (state) =>
      new TextEncoder().encode(JSON.stringify({ newest: state.newest, groups: [...state.groups] })),
    decode: (bytes) => {
      const { newest, groups } = JSON.parse(new TextDecoder().decode(bytes)) as {
        newest: number;
        groups: [string, Group][];
      };
      return { newest, groups: new Map(groups) };
    },
    take(view, state) {
      const { time, eventId } = view.event;
      let hit: Hit | null = null;
      for (const [index, source] of sources.entries()) {
        if (!source.matches(view)) continue;
        if (time < state.newest - LATE_MAX_MS) return null;
        state.newest = Math.max(state.newest, time);
        const key = groupKey(view, groupReaders[index]!);
        if (key === null) continue;
        const values = valuesOf(view, valueReaders[index]!);
        for (const v of values) {
          const entry: Entry = { t: time, id: eventId, r: index, ...(v === undefined ? {} : { v }) };
          hit = insert(rule, state, key, entry) ?? hit;
        }
      }
      return hit;
    },
  };
}

function resolve(rule: CorrelationRule, name: string, sourceNames: readonly string[]): string {
  const alias = rule.aliases.get(name);
  if (alias === undefined) return name;
  for (const source of sourceNames) {
    const field = alias.get(source);
    if (field !== undefined) return field;
  }
  return name;
}

/** Null where one of the fields is absent: such an event belongs to no group. */
function groupKey(view: EventView, readers: readonly FieldReader[]): string | null {
  const parts: string[] = [];
  for (const read of readers) {
    const values = read(view).filter((value) => value !== null);
    if (values.length === 0) return null;
    parts.push(values.map(String).join(',').toLowerCase().slice(0, VALUE_CHARS_MAX));
  }
  return parts.join('\u001f');
}

function valuesOf(view: EventView, read: FieldReader | null): readonly (string | number | undefined)[] {
  if (read === null) return [undefined];
  const values = read(view).filter((value) => value !== null);
  return [...new Set(values)]
    .slice(0, 20)
    .map((value) => (typeof value === 'number' ? value : String(value).slice(0, VALUE_CHARS_MAX)));
}

function insert(rule: CorrelationRule, state: CorrelationState, key: string, entry: Entry): Hit | null {
  const group = state.groups.get(key) ?? { entries: [], fired: null };
  // Delivered again.
  if (group.entries.some(({ id, r, v }) => id === entry.id && r === entry.r && v === entry.v)) return null;
  // The same value again tells nothing new; keeping the newest stops a flood of one value from pushing the others out.
  if (rule.type === 'value_count')
    group.entries = group.entries.filter(({ v, t }) => v !== entry.v || t > entry.t);
  const oldest = state.newest - rule.timespanMs - LATE_MAX_MS;
  group.entries = group.entries.filter(({ t }) => t > oldest);
  const at = group.entries.findLastIndex(({ t }) => t <= entry.t) + 1;
  group.entries.splice(at, 0, entry);
  // Re-inserting makes the map's order the order of use.
  state.groups.delete(key);
  state.groups.set(key, group);
  bound(state, oldest);
  const hit = findWindow(rule, group.entries, entry);
  if (hit === null) return null;
  if (group.fired !== null && Math.abs(entry.t - group.fired) < rule.timespanMs) return null;
  group.fired = entry.t;
  return hit;
}

/** Forgets what is too old to matter, then groups used least lately, then the oldest entries of the largest group. */
function bound(state: CorrelationState, oldest: number): void {
  let total = 0;
  for (const [key, { entries }] of state.groups) {
    if ((entries.at(-1)?.t ?? 0) <= oldest) state.groups.delete(key);
    else total += entries.length;
  }
  for (const [key, { entries }] of state.groups) {
    if (state.groups.size <= GROUPS_MAX && (total <= ENTRIES_MAX || state.groups.size === 1)) break;
    state.groups.delete(key);
    total -= entries.length;
  }
  if (total > ENTRIES_MAX)
    for (const { entries } of state.groups.values()) entries.splice(0, total - ENTRIES_MAX);
}
