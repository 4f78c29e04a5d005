/** What the catalogue knows of objects, as the analysis asks for it; and what running them comes to. */
import { joinedColumns } from './joined-columns.ts';
import { higherRisk } from '../../../policy/risk.ts';
import type { Action, RiskClass } from '../../../../schemas/types.ts';
import type { ObjectResolver } from './objects.ts';
import type { SessionSettings } from './analyser.ts';

/** What a command does with a relation: decides which code of it runs. */
export type RelationUse = 'read' | 'insert' | 'update' | 'delete' | 'truncate' | 'maintain' | 'refresh';

/** What runs besides what the text says: the bodies behind views, functions, triggers, rules, defaults, policies. */
export interface Effects {
  readonly actions: readonly Action[];
  readonly risk: RiskClass;
  /** The same where the command around restricts the rows: a view that reads everything then does not. */
  readonly riskRestricted: RiskClass;
  readonly changesSessionState: boolean;
  readonly changesCatalogue: boolean;
  readonly forcedDenial: { readonly rule: string; readonly reason: string } | null;
  /** Some of it may run when the command is parsed: the target reads literals then, and with them what types check. */
  readonly atParse?: true;
}

export const NO_EFFECTS: Effects = {
  actions: [],
  risk: 'none',
  riskRestricted: 'none',
  changesSessionState: false,
  changesCatalogue: false,
  forcedDenial: null,
};

/** Name of what is made where the session becomes somebody else. */
export const SESSION_USER = 'session_authorization';

/** Name of what is made where a path may lead elsewhere: something in it got another name, or is gone. */
export const PATH_UNSURE = 'search_path';

export interface Answer {
  /** False: there is no such object, as far as the catalogue goes. */
  readonly known: boolean;
  readonly effects: Effects;
}

export type Scope = Pick<SessionSettings, 'searchPath' | 'role'>;

/** All arguments and answers are plain data, so that a thread can ask, too. */
export interface CatalogueView extends Omit<ObjectResolver, 'version'> {
  /** `name` as the resolver gives it; `only`: without what inherits from it. */
  relationEffects(name: string, use: RelationUse, only: boolean): Answer;
  /** Every function that a call may mean (overloads), aggregates and procedures too; `count` null: any number of arguments. */
  callEffects(parts: readonly string[], count: number | null, scope: Scope): Answer;
  /** Every operator of that name that is not PostgreSQL's own. */
  operatorEffects(parts: readonly string[], scope: Scope): Effects;
  /** What values of a type run: constraints of domains, casts. */
  typeEffects(parts: readonly string[], scope: Scope): Effects;
  /** `(row).name` may call a function of one argument. */
  fieldEffects(name: string, scope: Scope): Effects;
  /** The same for types that are named by object id. */
  typeEffectsById(oids: readonly number[]): Effects;
  /** What may run when indexes are built or the planner's statistics gathered, of whatever tables. */
  maintenanceEffects(): Effects;
  /** What runs when the schema is changed: event triggers. */
  schemaChangeEffects(): Effects;
}

/** Something that the command makes: known to this session before others can see it. */
export interface Made {
  /** `user`: the session is somebody else from now on. */
  readonly kind: 'relation' | 'function' | 'user';
  /** Qualified, or `pg_temp.NAME`. */
  readonly name: string;
  readonly effects: Effects;
  /** Of a view: what writing to it may write to. */
  readonly beneath?: readonly string[];
}

/** All of them together. */
export function uniteEffects(list: readonly Effects[]): Effects {
  const some = list.filter((one) => one !== NO_EFFECTS);
  if (some.length < 2) return some[0] ?? NO_EFFECTS;
  const actions = new Map<string, Action>();
  for (const { actions: more } of some)
    for (const one of more) {
      const key = JSON.stringify([one.action, one.objectKind, one.object]);
      const known = actions.get(key);
      const columns = joinedColumns(known?.columns ?? one.columns, one.columns);
      actions.set(key, known === undefined ? one : { ...known, columns, whole: known.whole || one.whole });
    }
  return {
    actions: [...actions.values()],
    risk: some.reduce<RiskClass>((risk, one) => higherRisk(risk, one.risk), 'none'),
    riskRestricted: some.reduce<RiskClass>((risk, one) => higherRisk(risk, one.riskRestricted), 'none'),
    changesSessionState: some.some((one) => one.changesSessionState),
    changesCatalogue: some.some((one) => one.changesCatalogue),
    forcedDenial: some.find((one) => one.forcedDenial !== null)?.forcedDenial ?? null,
    ...(some.some((one) => one.atParse === true) ? { atParse: true as const } : {}),
  };
}

/** The same, of the types of values. */
export const atParse = (effects: Effects): Effects =>
  effects === NO_EFFECTS || effects.atParse === true ? effects : { ...effects, atParse: true };

/** One synchronous look: what it lacked is fetched, and then looked at again. */
export interface Attempt {
  readonly view: CatalogueView;
  /** Definitions were asked for that are not here. */
  readonly missing: boolean;
  /** Gets them; false where the target cannot be asked. */
  fetch(): Promise<boolean>;
}

export interface NamedFunction {
  readonly schema: string;
  readonly name: string;
  readonly argumentCount: number;
}

/** The catalogue of one database, shared by its sessions. */
export interface CatalogueSource {
  /** Changes whenever an answer may have changed. */
  readonly key: string;
  /** Young enough to decide by. */
  isFresh(): boolean;
  /** Reads again; false where the target cannot be asked in time. */
  refresh(): Promise<boolean>;
  /** The same for a name that is not known, not more often than is good; true where something may have changed. */
  recheck(): Promise<boolean>;
  attempt(): Attempt;
  /** The function of that object id, young enough to decide by; undefined where there is none, or nobody can say. */
  functionById(oid: number): Promise<NamedFunction | undefined>;
  /** Something that passed the gateway may have changed it. */
  touched(): void;
}

/** What a session has of it. */
export interface SessionCatalogue {
  readonly source: CatalogueSource;
  /** Where the catalogue is away, nothing is let through that names something. */
  readonly failClosed: boolean;
  /** Whether the source knows what the session's user may look into; else a path leads to all that is there. */
  readonly userKnown: boolean;
}
