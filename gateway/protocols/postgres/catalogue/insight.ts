/** What is known of one database at one moment, and what analysing it has come to so far. */
import { actionName } from '../../../policy/risk.ts';
import { ACTIONS, type ActionKind } from '../analysis/actions.ts';
import type { SessionSettings } from '../analysis/analyser.ts';
import {
  NO_EFFECTS,
  type CatalogueView,
  type Effects,
  type NamedFunction,
  type Scope,
} from '../analysis/effects.ts';
import { runStored, type StoredCode } from '../analysis/run.ts';
import type { FunctionDetails, RelationDetails } from './details.ts';
import type { Oid, Skeleton } from './skeleton.ts';

export interface Insight {
  readonly skeleton: Skeleton;
  /** Who the sessions log in to the target as. */
  readonly user: string;
  readonly relations: Map<Oid, RelationDetails>;
  readonly functions: Map<Oid, FunctionDetails>;
  /** By object id, those that were asked for. */
  readonly named: Map<Oid, NamedFunction>;
  /** What was worked out; complete answers only. */
  readonly known: Map<string, Effects>;
}

/** Bodies within bodies. */
const DEPTH_MAX = 24;
/** Answers worked out for one question. */
const STEPS_MAX = 3000;
const KNOWN_MAX = 50_000;

/** The scope of texts that the server wrote: all names are qualified. */
export const QUALIFIED: Scope = { searchPath: '', role: null };

export const settingsOf = ({ searchPath, role }: Scope): SessionSettings => ({
  searchPath,
  role,
  standardConformingStrings: true,
  clientEncoding: 'UTF8',
});

export function effectOf(
  kind: ActionKind,
  objectKind: string,
  object: string,
  whole = kind.endsWith('.whole'),
): Effects {
  const { risk } = ACTIONS[kind];
  return {
    actions: [{ action: actionName(kind), objectKind, object, columns: [], whole }],
    risk,
    riskRestricted: kind === 'read.whole' ? 'low' : risk,
    changesSessionState: kind === 'opaque_code',
    changesCatalogue: kind === 'opaque_code',
    forcedDenial: null,
  };
}

/** One question being worked out: what it lacks, and what it is in the middle of. */
export class Work {
  readonly insight: Insight;
  readonly missingRelations = new Set<Oid>();
  readonly missingFunctions = new Set<Oid>();
  readonly #underWay = new Set<string>();
  /** Grows with each answer that is not whole. */
  #gaps = 0;
  #steps = 0;

  constructor(insight: Insight) {
    this.insight = insight;
  }

  get missing(): boolean {
    return this.missingRelations.size > 0 || this.missingFunctions.size > 0;
  }

  relation(oid: Oid): RelationDetails | undefined {
    const found = this.insight.relations.get(oid);
    if (found === undefined) {
      this.missingRelations.add(oid);
      this.#gaps += 1;
    }
    return found;
  }

  function(oid: Oid): FunctionDetails | undefined {
    const found = this.insight.functions.get(oid);
    if (found === undefined) {
      this.missingFunctions.add(oid);
      this.#gaps += 1;
    }
    return found;
  }

  /** Once for each key; something that contains itself adds nothing more the second time. */
  once(key: string, object: string, workOut: () => Effects): Effects {
    const { known } = this.insight;
    const found = known.get(key);
    if (found !== undefined) return found;
    if (this.#underWay.has(key)) {
      this.#gaps += 1;
      return NO_EFFECTS;
    }
    if (this.#underWay.size === 0) this.#steps = 0;
    this.#steps += 1;
    if (this.#underWay.size >= DEPTH_MAX || this.#steps > STEPS_MAX) {
      this.#gaps += 1;
      return effectOf('opaque_code', 'function', object);
    }
    const outermost = this.#underWay.size === 0;
    const before = this.#gaps;
    this.#underWay.add(key);
    const effects = workOut();
    this.#underWay.delete(key);
    const whole = this.#gaps === before || (outermost && !this.missing && this.#steps <= STEPS_MAX);
    if (whole && known.size < KNOWN_MAX) known.set(key, effects);
    return effects;
  }

  run(view: CatalogueView, code: StoredCode, scope: Scope, object: string): Effects {
    if (code.statements.length === 0 && code.hidden === null) return NO_EFFECTS;
    return runStored(code, { settings: settingsOf(scope), catalogue: view }, object);
  }
}
