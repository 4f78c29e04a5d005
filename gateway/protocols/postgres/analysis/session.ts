/** Per-session memory: what SQL-level PREPARE gave names to. */
import type { Action, RiskClass } from '../../../../schemas/types.ts';
import type { AnalyserSession } from './analyser.ts';

export interface PreparedStatement {
  readonly actions: readonly Action[];
  readonly risk: RiskClass;
  readonly changesSessionState: boolean;
}

export interface PreparedNames extends AnalyserSession {
  /**
   * Remembers what a name may stand for. A PREPARE may fail in the target (name taken, transaction aborted), and so may a
   * DEALLOCATE: a name stands for everything that was ever prepared under it.
   */
  define(name: string, statement: PreparedStatement): void;
  /** Undefined where the name is not known, or stands for too much to say. */
  lookup(name: string): readonly PreparedStatement[] | undefined;
}

export interface PreparedNamesConfig {
  readonly namesMax: number;
  readonly statementsPerNameMax: number;
}

export function createPreparedNames(config: PreparedNamesConfig): PreparedNames {
  const names = new Map<string, Map<string, PreparedStatement> | 'too many'>();
  return {
    kind: 'analyser-session',
    define(name, statement) {
      const known = names.get(name);
      if (known === 'too many') return;
      if (known === undefined) {
        if (names.size < config.namesMax) names.set(name, new Map([[JSON.stringify(statement), statement]]));
        return;
      }
      known.set(JSON.stringify(statement), statement);
      if (known.size > config.statementsPerNameMax) names.set(name, 'too many');
    },
    lookup(name) {
      const known = names.get(name);
      return known === undefined || known === 'too many' ? undefined : [...known.values()];
    },
  };
}
