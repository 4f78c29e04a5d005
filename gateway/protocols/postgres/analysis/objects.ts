/** Names as written to objects as meant. The catalogue reader resolves exactly; this is the part that needs no connection. */
import type { SessionSettings } from './analyser.ts';
import { CATALOGUE_RELATIONS } from './data/catalogue-relations.ts';

export interface ObjectResolver {
  /** Qualified name of a relation; `temporary` are names that this string or session is known to have made in pg_temp. */
  relation(schema: string | null, name: string, settings: SessionSettings): string;
  /** Qualified name of anything else that lies in a schema. */
  other(parts: readonly string[], settings: SessionSettings): string;
  /** What an unqualified name may mean as well, where the path alone does not tell; qualified. */
  alternatives(name: string, settings: SessionSettings): readonly string[];
  /** Changes whenever an answer may have changed; cached analyses are dropped. */
  readonly version: number;
}

/** In a path: what stands before it may have come to pass or not. No schema has that name. */
export const UNSURE = '"\u0003"';
const UNSURE_NAME = '\u0003';

/** Schemas of a search path, unquoted. */
export function schemasOf(searchPath: string | null): readonly string[] {
  if (searchPath === null) return ['public'];
  return searchPath.split(',').map((part) => {
    const trimmed = part.trim();
    const quoted = trimmed.startsWith('"') && trimmed.endsWith('"') && trimmed.length >= 2;
    return quoted ? trimmed.slice(1, -1).replaceAll('""', '"') : trimmed.toLowerCase();
  });
}

/**
 * Schemas of the path that an unqualified name may lie in. `$user` names none that is known; and what stands in pg_temp only
 * the target knows: a path that begins there must not make every name look temporary.
 */
function candidateSchemas(searchPath: string | null): readonly string[] {
  const found = schemasOf(searchPath).filter(
    (name) =>
      name !== '' &&
      name !== UNSURE_NAME &&
      name !== '$user' &&
      name !== 'pg_catalog' &&
      !name.startsWith('pg_temp'),
  );
  return found.length === 0 ? ['public'] : [...new Set(found)];
}
const firstSchema = (searchPath: string | null): string => candidateSchemas(searchPath)[0]!;

/** Whether pg_catalog is searched before all schemas: it is, unless the path names it in a later place. */
export function isCatalogueFirst(searchPath: string | null): boolean {
  return (
    searchPath === null || !searchPath.includes('pg_catalog') || schemasOf(searchPath)[0] === 'pg_catalog'
  );
}

/** Resolves by search_path alone: any schema named there may have the object; pg_catalog comes before. */
export function createStaticResolver(): ObjectResolver {
  return {
    version: 1,
    relation(schema, name, settings) {
      if (schema !== null) return `${schema}.${name}`;
      // Also where the path names pg_catalog later: the schemas before it may have no such relation.
      if (CATALOGUE_RELATIONS.has(name)) return `pg_catalog.${name}`;
      return `${firstSchema(settings.searchPath)}.${name}`;
    },
    other(parts, settings) {
      if (parts.length !== 1) return parts.join('.');
      return `${firstSchema(settings.searchPath)}.${parts[0]!}`;
    },
    alternatives(name, settings) {
      const [first, ...others] = candidateSchemas(settings.searchPath).map((schema) => `${schema}.${name}`);
      if (!CATALOGUE_RELATIONS.has(name)) return others;
      return isCatalogueFirst(settings.searchPath) ? [] : [first!, ...others];
    },
  };
}
