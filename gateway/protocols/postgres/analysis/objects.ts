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

/** First schema of a search path that names one; `$user` names none that is known. */
function firstSchema(searchPath: string | null): string {
  if (searchPath === null) return 'public';
  for (const part of searchPath.split(',')) {
    const trimmed = part.trim();
    const quoted = trimmed.startsWith('"') && trimmed.endsWith('"') && trimmed.length >= 2;
    const name = quoted ? trimmed.slice(1, -1).replaceAll('""', '"') : trimmed.toLowerCase();
    if (name !== '' && name !== '$user' && name !== 'pg_catalog') return name;
  }
  return 'public';
}

/** Resolves by search_path alone: the first schema named there is taken to have the object; pg_catalog comes before. */
export function createStaticResolver(): ObjectResolver {
  return {
    version: 1,
    relation(schema, name, settings) {
      if (schema !== null) return `${schema}.${name}`;
      if (CATALOGUE_RELATIONS.has(name)) return `pg_catalog.${name}`;
      return `${firstSchema(settings.searchPath)}.${name}`;
    },
    other(parts, settings) {
      if (parts.length !== 1) return parts.join('.');
      return `${firstSchema(settings.searchPath)}.${parts[0]!}`;
    },
  };
}
