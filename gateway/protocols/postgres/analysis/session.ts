/** Per-session memory: what SQL-level PREPARE gave names to, and what the session made that others may not see yet. */
import type { Action, RiskClass } from '../../../../schemas/types.ts';
import type { AnalyserSession, SessionSettings } from './analyser.ts';
import { PATH_UNSURE, type Made, type SessionCatalogue } from './effects.ts';

export interface PreparedStatement {
  /** Its tree: what its names mean is looked up when it is executed. */
  readonly query: unknown;
  readonly actions: readonly Action[];
  readonly risk: RiskClass;
  readonly changesSessionState: boolean;
}

/** What the walk over a command asks. */
export interface PreparedNames {
  /**
   * Remembers what a name may stand for. A PREPARE may fail in the target (name taken, transaction aborted), and so may a
   * DEALLOCATE: a name stands for everything that was ever prepared under it.
   */
  define(name: string, statement: PreparedStatement): void;
  /** Undefined where the name is not known, or stands for too much to say. */
  lookup(name: string): readonly PreparedStatement[] | undefined;
}

export interface NamesSession extends PreparedNames, AnalyserSession {
  readonly catalogue: SessionCatalogue | undefined;
  /** By name; everything that was ever made under it. */
  readonly made: ReadonlyMap<string, readonly Made[]>;
  remember(made: readonly Made[]): void;
  /** What analyses of the session are kept under, besides their shape. */
  keyFor(settings: SessionSettings): string;
}

export interface PreparedNamesConfig {
  readonly namesMax: number;
  readonly statementsPerNameMax: number;
}

export function createPreparedNames(config: PreparedNamesConfig): PreparedNames {
  const names = new Map<string, Map<string, PreparedStatement> | 'too many'>();
  return {
    define(name, statement) {
      const known = names.get(name);
      if (known === 'too many') return;
      const key = JSON.stringify(statement.query);
      if (known === undefined) {
        if (names.size < config.namesMax) names.set(name, new Map([[key, statement]]));
        return;
      }
      known.set(key, statement);
      if (known.size > config.statementsPerNameMax) names.set(name, 'too many');
    },
    lookup(name) {
      const known = names.get(name);
      return known === undefined || known === 'too many' ? undefined : [...known.values()];
    },
  };
}

/** A name made anew again and again is kept so often; what it does besides is not known then. */
const MADE_PER_NAME_MAX = 16;
let sessions = 0;

export function createNamesSession(
  config: PreparedNamesConfig,
  catalogue: SessionCatalogue | undefined,
): NamesSession {
  const made = new Map<string, readonly Made[]>();
  sessions += 1;
  const id = sessions;
  let version = 0;
  let touched = false;
  let keyed: { settings: SessionSettings | undefined; source: string; version: number; key: string } = {
    settings: undefined,
    source: '',
    version: -1,
    key: '',
  };
  let stated = { source: '', version: -1, state: '' };
  return {
    kind: 'analyser-session',
    ...createPreparedNames(config),
    catalogue,
    made,
    keyFor(settings) {
      // Asked for each command; settings are another object when they are others.
      const source = catalogue?.source.key ?? '';
      if (settings !== keyed.settings || source !== keyed.source || version !== keyed.version)
        keyed = {
          settings,
          source,
          version,
          key: keyOf(settings, source, version === 0 ? '' : `${id}.${version}`),
        };
      return keyed.key;
    },
    get state() {
      if (catalogue === undefined) return undefined;
      // A symbol of its own is never the same again.
      if (!catalogue.source.isFresh()) return Symbol('stale');
      const { key } = catalogue.source;
      if (stated.source !== key || stated.version !== version)
        stated = { source: key, version, state: `${key} ${version}` };
      return stated.state;
    },
    remember(list) {
      if (catalogue === undefined) return;
      for (const one of list) {
        const known = made.get(one.name) ?? [];
        const text = JSON.stringify(one);
        if (known.some((other) => JSON.stringify(other) === text)) continue;
        if (known.length >= MADE_PER_NAME_MAX || (known.length === 0 && made.size >= config.namesMax))
          continue;
        made.set(one.name, [...known, one]);
        version += 1;
      }
    },
    catalogueTouched() {
      touched = true;
    },
    transactionEnded() {
      if (!touched) return;
      if (made.delete(PATH_UNSURE)) version += 1;
      touched = false;
      catalogue?.source.touched();
    },
  };
}

function keyOf(settings: SessionSettings, source: string, made: string): string {
  const { searchPath, role, standardConformingStrings, clientEncoding } = settings;
  return [
    source,
    made,
    searchPath ?? '\u0003',
    role ?? '\u0003',
    standardConformingStrings ? 1 : 0,
    clientEncoding,
    '',
  ].join('\u0004');
}
