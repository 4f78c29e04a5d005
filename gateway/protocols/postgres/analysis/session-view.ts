/** The catalogue as one session sees it: with what it made itself, which others may not see yet. */
import { effectsOfWrite, writtenBeneath } from './runs.ts';
import {
  PATH_UNSURE,
  SESSION_USER,
  uniteEffects,
  type Answer,
  type CatalogueView,
  type Effects,
  type Made,
  type RelationUse,
  type Scope,
} from './effects.ts';

const CHANGES: readonly RelationUse[] = ['insert', 'update', 'delete'];

export interface SessionView {
  readonly view: CatalogueView;
  /** A name was asked for that nothing has. */
  readonly unknown: boolean;
}

export function createSessionView(
  base: CatalogueView,
  made: ReadonlyMap<string, readonly Made[]>,
  userKnown: boolean,
): SessionView {
  let unknown = false;
  // As somebody else, `$user` may be any schema.
  const own = <T extends Scope>(scope: T): T =>
    made.has(SESSION_USER)
      ? { ...scope, searchPath: null }
      : !userKnown || made.has(PATH_UNSURE)
        ? { ...scope, role: null }
        : scope;
  const noted = (answer: Answer): Answer => {
    if (!answer.known) unknown = true;
    return answer;
  };
  const ofKind = (kind: Made['kind'], name: string): readonly Made[] =>
    (made.get(name) ?? []).filter((one) => one.kind === kind);
  /** Made under that name in any schema. */
  const bare = (kind: Made['kind'], name: string): readonly [string, readonly Made[]][] =>
    [...made.entries()].filter(
      ([full, list]) => full.endsWith(`.${name}`) && list.some((one) => one.kind === kind),
    );
  const isKnown = (name: string): boolean => base.relationEffects(name, 'read', true).known;
  const withMade = (answer: Answer, more: readonly Made[]): Answer =>
    more.length === 0
      ? answer
      : { known: true, effects: uniteEffects([answer.effects, ...more.map(({ effects }) => effects)]) };
  if (made.size === 0 && userKnown)
    return {
      view: {
        ...base,
        relationEffects: (...input) => noted(base.relationEffects(...input)),
        callEffects: (...input) => noted(base.callEffects(...input)),
      },
      get unknown() {
        return unknown;
      },
    };
  const underWay = new Set<string>();
  /** A change that goes through views of the session to what lies beneath. */
  const through = (names: readonly string[], use: RelationUse): readonly Effects[] =>
    names.flatMap((name) => {
      // A view that was made anew over what was over it.
      if (underWay.has(name)) return [];
      underWay.add(name);
      const found = [effectsOfWrite(name, use), view.relationEffects(name, use, false).effects];
      underWay.delete(name);
      return found;
    });
  /** Names of the session's temporary relations, which come first in the bodies of stored functions, too. */
  const temporary = new Map(
    [...made].filter(([name]) => name.startsWith('pg_temp.')).map(([name, list]) => [name.slice(8), list]),
  );
  const hidden = new Map<string, readonly Effects[]>();
  const behind = (bare: string): readonly Effects[] => {
    const known = hidden.get(bare);
    if (known !== undefined) return known;
    hidden.set(bare, []);
    const list = (temporary.get(bare) ?? []).filter(({ kind }) => kind === 'relation');
    const found = list.flatMap((one) => [
      one.effects,
      ...CHANGES.flatMap((use) => through(writtenBeneath(one, use), use)),
    ]);
    hidden.set(bare, found);
    return found;
  };
  /** Where stored code names what a temporary relation has the name of, that is meant. */
  const shadowed = (effects: Effects): Effects => {
    if (temporary.size === 0) return effects;
    const objects = effects.actions
      .map(({ object }) => object ?? '')
      .filter((one) => !one.startsWith('pg_temp.'));
    const more = [...temporary.keys()]
      .filter((name) => objects.some((object) => object.endsWith(`.${name}`)))
      .flatMap(behind);
    return more.length === 0 ? effects : uniteEffects([effects, ...more]);
  };
  const view: CatalogueView = {
    ...base,
    relation(schema, name, settings) {
      const resolved = base.relation(schema, name, own(settings));
      if (schema !== null || isKnown(resolved)) return resolved;
      return bare('relation', name)[0]?.[0] ?? resolved;
    },
    alternatives(name, settings) {
      const resolved = base.relation(null, name, own(settings));
      const mine = bare('relation', name).map(([full]) => full);
      return [...new Set([...base.alternatives(name, own(settings)), ...mine])].filter(
        (one) => one !== (isKnown(resolved) ? resolved : mine[0]),
      );
    },
    relationEffects(name, use, only) {
      const mine = ofKind('relation', name);
      const answer = noted(withMade(base.relationEffects(name, use, only), mine));
      const beneath = mine.flatMap((one) => writtenBeneath(one, use)).filter((one) => one !== name);
      return { ...answer, effects: uniteEffects([shadowed(answer.effects), ...through(beneath, use)]) };
    },
    callEffects(parts, count, scope) {
      const name = parts.at(-1) ?? '';
      const mine =
        parts.length > 1
          ? ofKind('function', parts.slice(-2).join('.'))
          : bare('function', name).flatMap(([, list]) => list);
      const answer = noted(withMade(base.callEffects(parts, count, own(scope)), mine));
      return { ...answer, effects: shadowed(answer.effects) };
    },
    operatorEffects: (parts, scope) => shadowed(base.operatorEffects(parts, own(scope))),
    typeEffects: (parts, scope) => shadowed(base.typeEffects(parts, own(scope))),
    typeEffectsById: (oids) => shadowed(base.typeEffectsById(oids)),
    fieldEffects: (name, scope) => shadowed(base.fieldEffects(name, own(scope))),
    schemaChangeEffects: () => shadowed(base.schemaChangeEffects()),
    maintenanceEffects: () => shadowed(base.maintenanceEffects()),
  };
  return {
    view,
    get unknown() {
      return unknown;
    },
  };
}
