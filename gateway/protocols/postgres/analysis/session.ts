/** Per-session memory: what SQL-level PREPARE gave names to, and what the session made that others may not see yet. */
import type { Action, RiskClass } from '../../../../schemas/types.ts';
import type { AnalyserSession } from './analyser.ts';
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
  /** Part of the cache's key: empty while nothing was made. */
  readonly madeKey: string;
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
  return {
    kind: 'analyser-session',
    ...createPreparedNames(config),
    catalogue,
    made,
    get madeKey() {
      return version === 0 ? '' : `${id}.${version}`;
    },
    get state() {
      if (catalogue === undefined) return undefined;
      // A symbol of its own is never the same again.
      return catalogue.source.isFresh() ? `${catalogue.source.key} ${version}` : Symbol('stale');
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
