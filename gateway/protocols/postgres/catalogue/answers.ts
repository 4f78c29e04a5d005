/** Answers of the catalogue at one moment, for one synchronous look. */
import {
  NO_EFFECTS,
  uniteEffects,
  type Answer,
  type CatalogueView,
  type Effects,
  type Scope,
} from '../analysis/effects.ts';
import type { Action } from '../../../../schemas/types.ts';
import { createStaticResolver } from '../analysis/objects.ts';
import {
  builtInEffects,
  castEffects,
  functionEffects,
  rowEffectsOf,
  typeEffectsOf,
} from './function-effects.ts';
import { QUALIFIED, Work, type Insight } from './insight.ts';
import { searchPathOf, type SearchPath } from './path.ts';
import { relationEffects } from './relation-effects.ts';
import { FIRST_USER_OID, type Routine } from './skeleton.ts';

const UNKNOWN: Answer = { known: false, effects: NO_EFFECTS };
const PLAIN = createStaticResolver();
const called = (object: string): Action => ({
  action: 'execute',
  objectKind: 'function',
  object,
  columns: [],
  whole: false,
});

export function createAnswers(insight: Insight): { view: CatalogueView; work: Work } {
  const { skeleton, user } = insight;
  const work = new Work(insight);
  const paths = new Map<string, SearchPath>();
  const pathOf = (scope: Scope): SearchPath => {
    const key = `${scope.searchPath ?? '?'} ${scope.role ?? '?'}`;
    const known = paths.get(key) ?? searchPathOf(skeleton, scope, user);
    paths.set(key, known);
    return known;
  };
  /** Whether an object of that schema may be meant by a name with these parts. */
  const mayMean = (parts: readonly string[], scope: Scope): ((schema: string) => boolean) => {
    if (parts.length > 1) {
      const written = parts.at(-2);
      return (schema) => schema === written;
    }
    const { schemas } = pathOf(scope);
    return (schema) => schemas.includes(schema);
  };
  /** What somebody's operator classes compare PostgreSQL's own types by. */
  const compared = [...skeleton.types.values()].flatMap(({ oid, functions }) =>
    oid < FIRST_USER_OID ? functions : [],
  );
  /** The same, and casts that nobody writes, between types of PostgreSQL's own: any call or operator may use them. */
  const ambient = (): Effects =>
    uniteEffects([
      ...skeleton.casts
        .filter(
          ({ context, source, target }) =>
            context === 'i' && source < FIRST_USER_OID && target < FIRST_USER_OID,
        )
        .map((cast) => castEffects(work, view, cast)),
      ...compared.map((oid) => functionEffects(work, view, oid, QUALIFIED)),
    ]);
  const effectsOf = (routines: readonly Routine[], scope: Scope): readonly Effects[] =>
    routines.map(({ oid }) => functionEffects(work, view, oid, scope));
  const typeEffects = (parts: readonly string[], scope: Scope): Effects => {
    const meant = mayMean(parts, scope);
    const found = (skeleton.typesByName.get(parts.at(-1) ?? '') ?? []).filter(({ schema }) => meant(schema));
    // A table's name is the type of its rows.
    const rows = (skeleton.relationsByName.get(parts.at(-1) ?? '') ?? []).filter(
      ({ schema, system }) => !system && meant(schema),
    );
    return uniteEffects([
      ...found.map(({ oid }) => typeEffectsOf(work, view, oid)),
      ...rows.map(({ oid }) => rowEffectsOf(work, view, oid)),
    ]);
  };

  const view: CatalogueView = {
    relation(schema, name, settings) {
      if (schema !== null) return `${schema}.${name}`;
      const { schemas } = pathOf(settings);
      const found = schemas.find((one) => skeleton.relations.has(`${one}.${name}`));
      const otherwise = schemas.find((one) => one !== 'pg_catalog') ?? 'public';
      return `${found ?? otherwise}.${name}`;
    },
    other: (parts, settings) => PLAIN.other(parts, settings),
    alternatives(name, settings) {
      const { schemas, exact } = pathOf(settings);
      if (exact) return [];
      const found = schemas.filter((one) => skeleton.relations.has(`${one}.${name}`));
      return found.slice(1).map((one) => `${one}.${name}`);
    },
    relationEffects(name, use, only) {
      const found = skeleton.relations.get(name);
      if (found === undefined) return UNKNOWN;
      return {
        known: true,
        effects: uniteEffects(found.map((one) => relationEffects(work, view, one, use, only))),
      };
    },
    callEffects(parts, count, scope) {
      const name = parts.at(-1) ?? '';
      const schema = parts.length > 1 ? parts.at(-2)! : null;
      const meant = mayMean(parts, scope);
      const routines = (skeleton.routinesByName.get(name) ?? []).filter(
        (one) =>
          meant(one.schema) &&
          (count === null || (one.leastArguments <= count && count <= one.mostArguments)),
      );
      const own = (schema === null || schema === 'pg_catalog') && skeleton.builtIn.has(name);
      // `typename(value)` is a cast.
      const type = (skeleton.typesByName.get(name) ?? []).some((one) => meant(one.schema));
      return {
        known: routines.length > 0 || own || type || schema === 'information_schema',
        effects: uniteEffects([...effectsOf(routines, scope), typeEffects(parts, scope), ambient()]),
      };
    },
    operatorEffects(parts, scope) {
      const meant = mayMean(parts, scope);
      const found = (skeleton.operators.get(parts.at(-1) ?? '') ?? []).filter(({ schema }) => meant(schema));
      return uniteEffects([
        ...found.flatMap(({ functions }) => functions.map((oid) => functionEffects(work, view, oid, scope))),
        ...found
          .filter(({ functionName }) => !functionName.includes('.') && skeleton.builtIn.has(functionName))
          .map(({ functionName }) => builtInEffects(functionName)),
        ambient(),
      ]);
    },
    typeEffects,
    fieldEffects(name, scope) {
      const routines = (skeleton.routinesByName.get(name) ?? []).filter(({ ofRow }) => ofRow);
      const meant = mayMean([name], scope);
      const found = routines.filter(({ schema }) => meant(schema));
      return uniteEffects([
        ...effectsOf(found, scope),
        ...found.map(({ schema }) => ({ ...NO_EFFECTS, actions: [called(`${schema}.${name}`)] })),
      ]);
    },
    typeEffectsById: (oids) => uniteEffects(oids.map((oid) => typeEffectsOf(work, view, oid))),
    maintenanceEffects: () =>
      uniteEffects(skeleton.maintenance.map((oid) => functionEffects(work, view, oid, QUALIFIED))),
    schemaChangeEffects: () =>
      uniteEffects(
        skeleton.eventTriggers.map((one) =>
          functionEffects(work, view, one.function, { searchPath: null, role: null }),
        ),
      ),
  };
  return { view, work };
}
