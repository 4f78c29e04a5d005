/** What calling a function comes to. */
import { BUILTIN_FUNCTIONS } from '../analysis/data/builtin-functions.ts';
import {
  atParse,
  NO_EFFECTS,
  uniteEffects,
  type CatalogueView,
  type Effects,
  type Scope,
} from '../analysis/effects.ts';
import { FUNCTION_EFFECTS } from '../analysis/functions.ts';
import { HARMLESS } from './harmless.ts';
import { effectOf, QUALIFIED, type Work } from './insight.ts';
import { checkCode, functionCode } from './parsed.ts';
import { FIRST_USER_OID, type Oid, type Routine } from './skeleton.ts';

export const opaqueFunction = (name: string): Effects => effectOf('opaque_code', 'function', name);

/** One of PostgreSQL's own, by its name. */
export function builtInEffects(name: string): Effects {
  const bare = name.replace(/^pg_catalog\./, '').replaceAll('"', '');
  const effect = FUNCTION_EFFECTS.get(bare);
  if (effect !== undefined) return effectOf(effect.kind, effect.objectKind, bare);
  return BUILTIN_FUNCTIONS.has(bare) ? NO_EFFECTS : effectOf('execute', 'function', `pg_catalog.${bare}`);
}

export function functionEffects(work: Work, view: CatalogueView, oid: Oid, scope: Scope): Effects {
  const routine = work.insight.skeleton.routines.get(oid);
  // Gone meanwhile, or one of PostgreSQL's own, which is looked at by its name.
  if (routine === undefined) return oid >= FIRST_USER_OID ? opaqueFunction(`function ${oid}`) : NO_EFFECTS;
  const name = `${routine.schema}.${routine.name}`;
  const key = `f ${oid} ${scope.searchPath ?? '?'} ${scope.role ?? '?'}`;
  return work.once(key, name, () =>
    uniteEffects([
      bodyEffects(work, view, routine, scope, name),
      ...routine.types.map((type) => typeEffectsOf(work, view, type)),
    ]),
  );
}

function bodyEffects(work: Work, view: CatalogueView, routine: Routine, scope: Scope, name: string): Effects {
  if (routine.kind === 'a') {
    const parts = work.insight.skeleton.aggregates.get(routine.oid);
    if (parts === undefined) return opaqueFunction(name);
    return uniteEffects([
      ...parts.functions.map((oid) => functionEffects(work, view, oid, scope)),
      ...parts.names.filter((part) => isBuiltIn(work, part)).map(builtInEffects),
    ]);
  }
  switch (routine.language) {
    case 'c':
      return ofC(routine, name);
    case 'internal': {
      const details = work.function(routine.oid);
      if (details === undefined) return NO_EFFECTS;
      return details.sameAs.length === 0
        ? opaqueFunction(name)
        : uniteEffects(details.sameAs.map(builtInEffects));
    }
    case 'sql':
    case 'plpgsql':
      return readable(work, view, routine, scope, name);
    default:
      return opaqueFunction(name);
  }
}

const isBuiltIn = (work: Work, name: string): boolean =>
  !name.includes('.') && work.insight.skeleton.builtIn.has(name.replaceAll('"', ''));

function ofC(routine: Routine, name: string): Effects {
  const effect = FUNCTION_EFFECTS.get(routine.name);
  if (effect !== undefined) return effectOf(effect.kind, effect.objectKind, routine.name);
  // A library that somebody loaded by hand may do anything, whatever it is declared as.
  if (routine.extension === '') return opaqueFunction(name);
  return routine.volatile && !HARMLESS.has(routine.name) ? opaqueFunction(name) : NO_EFFECTS;
}

function readable(work: Work, view: CatalogueView, routine: Routine, scope: Scope, name: string): Effects {
  const details = work.function(routine.oid);
  if (details === undefined) return NO_EFFECTS;
  const code = functionCode(details.text, details.settings);
  const within: Scope = code.qualified
    ? QUALIFIED
    : { searchPath: code.searchPath ?? scope.searchPath, role: code.asOwner ? null : scope.role };
  const seen = work.run(view, code.strangeStrings ? { ...code, hidden: 'strings' } : code, within, name);
  const used = details.uses
    .filter((oid) => oid !== routine.oid)
    .map((oid) => functionEffects(work, view, oid, scope));
  return uniteEffects([seen, ...used]);
}

/** Constraints of a domain, and casts from and to the type. */
export function typeEffectsOf(work: Work, view: CatalogueView, oid: Oid): Effects {
  const { skeleton } = work.insight;
  // A type of PostgreSQL's own has casts to others of the user's: those count where the user's is met.
  const casts = skeleton.casts.filter(
    ({ source, target }) =>
      (source === oid || target === oid) &&
      (oid >= FIRST_USER_OID || (source < FIRST_USER_OID && target < FIRST_USER_OID)),
  );
  const type = skeleton.types.get(oid);
  if (type === undefined && casts.length === 0) return NO_EFFECTS;
  return atParse(
    work.once(`t ${oid}`, type?.name ?? `type ${oid}`, () =>
      uniteEffects([
        ...casts.map((cast) => castEffects(work, view, cast)),
        ...(type === undefined
          ? []
          : [
              work.run(view, checkCode(type.check), QUALIFIED, `${type.schema}.${type.name}`),
              ...type.functions.map((called) => functionEffects(work, view, called, QUALIFIED)),
              ...(type.base === 0 ? [] : [typeEffectsOf(work, view, type.base)]),
              ...(type.relation === 0 ? [] : [rowEffectsOf(work, view, type.relation)]),
            ]),
      ]),
    ),
  );
}

/** What values for the columns of a row run. */
export function rowEffectsOf(work: Work, view: CatalogueView, relation: Oid): Effects {
  return work.once(`w ${relation}`, `row ${relation}`, () =>
    uniteEffects((work.relation(relation)?.types ?? []).map((type) => typeEffectsOf(work, view, type))),
  );
}

export function castEffects(
  work: Work,
  view: CatalogueView,
  cast: { readonly function: Oid; readonly functionName: string },
): Effects {
  return cast.function >= FIRST_USER_OID
    ? functionEffects(work, view, cast.function, QUALIFIED)
    : builtInEffects(cast.functionName);
}
