/** The catalogue as one session sees it: with what it made itself, which others may not see yet. */
import {
  PATH_UNSURE,
  SESSION_USER,
  uniteEffects,
  type Answer,
  type CatalogueView,
  type Made,
  type Scope,
} from './effects.ts';

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
    relationEffects: (name, use, only) =>
      noted(withMade(base.relationEffects(name, use, only), ofKind('relation', name))),
    callEffects(parts, count, scope) {
      const name = parts.at(-1) ?? '';
      const mine =
        parts.length > 1
          ? ofKind('function', parts.slice(-2).join('.'))
          : bare('function', name).flatMap(([, list]) => list);
      return noted(withMade(base.callEffects(parts, count, own(scope)), mine));
    },
    operatorEffects: (parts, scope) => base.operatorEffects(parts, own(scope)),
    typeEffects: (parts, scope) => base.typeEffects(parts, own(scope)),
    fieldEffects: (name, scope) => base.fieldEffects(name, own(scope)),
  };
  return {
    view,
    get unknown() {
      return unknown;
    },
  };
}
