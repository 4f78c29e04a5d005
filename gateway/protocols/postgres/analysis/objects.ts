/** Names as written to objects as meant. The catalogue reader resolves exactly; this is the part that needs no connection. */
import type { SessionSettings } from './analyser.ts';
import { CATALOGUE_RELATIONS } from './data/catalogue-relations.ts';

export interface ObjectResolver {
  /** Qualified name of a relation; `temporary` are names that this string or session is known to have made in pg_temp. */
  relation(schema: string | null, name: string, settings: SessionSettings): string;
  /** Qualified name of anything else that lies in a schema. */
  other(parts: readonly string[], settings: SessionSettings): string;
  /** Changes whenever an answer may have changed; cached analyses are dropped. */
  readonly version: number;
}

/** Schemas of a search path, unquoted. */
function schemasOf(searchPath: string | null): readonly string[] {
  if (searchPath === null) return ['public'];
  return searchPath.split(',').map((part) => {
    const trimmed = part.trim();
    const quoted = trimmed.startsWith('"') && trimmed.endsWith('"') && trimmed.length >= 2;
    return quoted ? trimmed.slice(1, -1).replaceAll('""', '"') : trimmed.toLowerCase();
  });
}

/** First schema that has a name; `$user` names none that is known. */
function firstSchema(searchPath: string | null): string {
  const found = schemasOf(searchPath).find(
    (name) => name !== '' && name !== '$user' && name !== 'pg_catalog',
  );
  return found ?? 'public';
}

/** Whether pg_catalog is searched before all schemas: it is, unless the path names it in a later place. */
export function isCatalogueFirst(searchPath: string | null): boolean {
  return (
    searchPath === null || !searchPath.includes('pg_catalog') || schemasOf(searchPath)[0] === 'pg_catalog'
  );
}

/** Resolves by search_path alone: the first schema named there is taken to have the object; pg_catalog comes before. */
export function createStaticResolver(): ObjectResolver {
  return {
    version: 1,
    relation(schema, name, settings) {
      if (schema !== null) return `${schema}.${name}`;
      if (CATALOGUE_RELATIONS.has(name) && isCatalogueFirst(settings.searchPath)) return `pg_catalog.${name}`;
      return `${firstSchema(settings.searchPath)}.${name}`;
    },
    other(parts, settings) {
      if (parts.length !== 1) return parts.join('.');
      return `${firstSchema(settings.searchPath)}.${parts[0]!}`;
    },
  };
}
