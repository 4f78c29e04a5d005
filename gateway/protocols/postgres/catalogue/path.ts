/** Where a name without schema may lie. */
import type { Scope } from '../analysis/effects.ts';
import { schemasOf } from '../analysis/objects.ts';
import type { Skeleton } from './skeleton.ts';

export interface SearchPath {
  /** In the order in which they are searched. */
  readonly schemas: readonly string[];
  /** The first that has the name is meant. False: any of them may be. */
  readonly exact: boolean;
}

const UNSURE_NAME = '\u0003';

/** pg_temp is not among them: what lies there only the session knows. `user` is who the sessions log in as. */
export function searchPathOf(skeleton: Skeleton, scope: Scope, user: string): SearchPath {
  if (scope.searchPath === null) return { schemas: [...skeleton.schemas.keys()], exact: false };
  const written = schemasOf(scope.searchPath);
  const asLogin = scope.role === 'none' || scope.role === user;
  let exact = asLogin;
  const found: string[] = [];
  for (const name of written) {
    if (name === UNSURE_NAME) exact = false;
    else if (name === '$user') found.push(...(asLogin ? [user] : [scope.role ?? user, user]));
    else if (name !== '' && !name.startsWith('pg_temp')) found.push(name);
  }
  if (!found.includes('pg_catalog')) found.unshift('pg_catalog');
  // A schema that the user may not look into is passed over.
  const schemas = [...new Set(found)].filter((name) => {
    const usage = skeleton.schemas.get(name);
    return usage !== undefined && (usage || !asLogin);
  });
  return { schemas, exact };
}
