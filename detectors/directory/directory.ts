import type { Directory } from '../detector.ts';
import { formatProblem, readCheckedYaml, type Checked } from '../../platform/config/checked-yaml.ts';
import { DirectoryFile } from './schema.ts';

/** A directory that knows nothing: nobody left, UTC everywhere. */
export const EMPTY_DIRECTORY: Directory = {
  leftAt: () => undefined,
  ownerOf: () => undefined,
  timeZoneOf: (_identity, _connection, claimed) => checkedZone(claimed) ?? 'UTC',
};

const zonesChecked = new Map<string, boolean>();
const ZONES_CHECKED_MAX = 1000;

/** Events name their zones again and again, and asking Intl is slow. */
function knownZone(timeZone: string): boolean {
  const before = zonesChecked.get(timeZone);
  if (before !== undefined) return before;
  let known = false;
  try {
    known = new Intl.DateTimeFormat('en-US', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    // No time zone.
  }
  if (zonesChecked.size >= ZONES_CHECKED_MAX) zonesChecked.clear();
  zonesChecked.set(timeZone, known);
  return known;
}

const checkedZone = (claimed: string | undefined): string | undefined =>
  claimed !== undefined && knownZone(claimed) ? claimed : undefined;

/** Line (from 1) of the first place where a value stands. */
const lineOfValue = (text: string, value: string): number =>
  text.split('\n').findIndex((line) => line.includes(value)) + 1;

/** Reads a directory file (YAML); mistakes are named with file and line. */
export function readDirectory(file: string, text: string): Checked<Directory> {
  const read = readCheckedYaml(file, text, DirectoryFile);
  if (!read.ok) return read;
  const { people, accounts, connections } = read.value;
  const problems: { file: string; line: number; path: string; reason: string }[] = [];
  const left = new Map<string, number>();
  const zones = new Map<string, string>();
  const bad = (value: string, path: string, reason: string): void => {
    problems.push({ file, line: lineOfValue(text, value), path, reason });
  };
  for (const { subject, left: when } of people) {
    if (when === undefined) continue;
    const at = Date.parse(when);
    if (Number.isNaN(at)) bad(when, 'people.left', `${when} is no date`);
    else left.set(subject, at);
  }
  for (const { subject, timeZone } of [...people, ...accounts]) {
    if (timeZone === undefined) continue;
    if (knownZone(timeZone)) zones.set(subject, timeZone);
    else bad(timeZone, 'timeZone', `${timeZone} is no time zone`);
  }
  for (const { timeZone } of connections)
    if (!knownZone(timeZone)) bad(timeZone, 'connections.timeZone', `${timeZone} is no time zone`);
  if (problems.length > 0) return { ok: false, problems };
  const owners = new Map(accounts.map(({ subject, owner }) => [subject, owner]));
  const connectionZones = new Map(connections.map(({ name, timeZone }) => [name, timeZone]));
  // Ids are issuer/subject, and an issuer may be a URL: the subject is what no other part of the id can shadow, longest first.
  const find = <T>(map: ReadonlyMap<string, T>, id: string): T | undefined => {
    if (map.has(id)) return map.get(id);
    for (let slash = id.indexOf('/'); slash >= 0; slash = id.indexOf('/', slash + 1)) {
      const subject = id.slice(slash + 1);
      if (map.has(subject)) return map.get(subject);
    }
    return undefined;
  };
  return {
    ok: true,
    value: {
      leftAt: (identity) => find(left, identity),
      ownerOf: (identity) => find(owners, identity),
      timeZoneOf: (identity, connection, claimed) =>
        (identity === null ? undefined : find(zones, identity)) ??
        checkedZone(claimed) ??
        (connection === null ? undefined : connectionZones.get(connection)) ??
        'UTC',
    },
  };
}

export interface ReloadableDirectory extends Directory {
  /** Takes a new file's text; on a mistake the old one stays in force and the problems are returned, one line each. */
  reload(file: string, text: string): readonly string[];
}

/** A directory that can be exchanged while detectors hold it. */
export function createReloadableDirectory(): ReloadableDirectory {
  let current = EMPTY_DIRECTORY;
  return {
    leftAt: (identity) => current.leftAt(identity),
    ownerOf: (identity) => current.ownerOf(identity),
    timeZoneOf: (identity, connection, claimed) => current.timeZoneOf(identity, connection, claimed),
    reload(file, text) {
      const read = readDirectory(file, text);
      if (!read.ok) return read.problems.map(formatProblem);
      current = read.value;
      return [];
    },
  };
}
