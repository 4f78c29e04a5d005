/** Relations as the walk meets them. */
import { add, forbid, opaque, type Context } from './context.ts';
import { CREDENTIAL_RELATIONS, SAMPLE_RELATIONS } from './data/catalogue-relations.ts';
import { mergeEffects, runRelation } from './runs.ts';
import { flagOf, nodeOf, textOf, type TreeNode } from './tree.ts';

const CATALOGUES = new Set(['pg_catalog', 'information_schema', 'pg_toast']);

/** Qualified name of a RangeVar; null where it names a common table expression in scope. */
export function relationName(context: Context, range: TreeNode | undefined): string | null {
  const name = textOf(range, 'relname') ?? '';
  const schema = textOf(range, 'schemaname');
  if (schema === null && context.ctes.some((scope) => scope.includes(name))) return null;
  return targetName(context, range);
}

/** The same for the target of a command, which is never a common table expression. */
export function targetName(context: Context, range: TreeNode | undefined): string {
  const name = textOf(range, 'relname') ?? '';
  if (isTemporary(range)) return `pg_temp.${name}`;
  return context.resolver.relation(textOf(range, 'schemaname'), name, context.settings);
}

export function isTemporary(range: TreeNode | undefined): boolean {
  return textOf(range, 'relpersistence') === 't' || textOf(range, 'schemaname') === 'pg_temp';
}

export function isCatalogue(name: string): boolean {
  return CATALOGUES.has(name.slice(0, name.indexOf('.')));
}

/** Adds the read of a relation. */
export function readRelation(
  context: Context,
  range: TreeNode | undefined,
  whole: boolean,
  columns: readonly string[] = [],
): void {
  const name = relationName(context, range);
  if (name === null) return;
  readNamed(context, name, whole, columns, isOnly(range));
}

/** ONLY: without what inherits. */
export const isOnly = (range: TreeNode | undefined): boolean => range !== undefined && !flagOf(range, 'inh');

export function readNamed(
  context: Context,
  name: string,
  whole: boolean,
  columns: readonly string[] = [],
  only = false,
): void {
  const bare = name.slice(name.lastIndexOf('.') + 1);
  if (name === 'pg_catalog.pg_settings' && context.deferred)
    forbid(context, 'pg_settings', 'a view on pg_settings would change settings unseen');
  // By the bare name: the path may lead to information_schema, too.
  if (CREDENTIAL_RELATIONS.has(bare))
    return add(context, 'read.credentials', 'table', name, { columns, whole });
  // The pieces of large values, of any table.
  if (name.startsWith('pg_toast.')) return opaque(context, 'relation', name);
  if (SAMPLE_RELATIONS.has(bare)) return add(context, 'read.samples', 'table', name, { columns, whole });
  if (isCatalogue(name)) {
    const known = context.catalogue?.relationEffects(name, 'read', only);
    if (known !== undefined) mergeEffects(context, known.effects, !whole);
    return add(context, 'read.catalogue', 'table', name, { columns, whole });
  }
  add(context, whole ? 'read.whole' : 'read', 'table', name, { columns, whole });
  runRelation(context, name, 'read', { whole, only });
}

/** Brings the names of a WITH clause into scope, walks its queries, and runs `inner` in that scope. */
export function withScope(
  context: Context,
  statement: TreeNode,
  visit: (value: unknown) => void,
  inner: () => void,
): void {
  const clause = nodeOf(statement, 'withClause');
  if (clause === undefined) return inner();
  const scope: string[] = [];
  context.ctes.push(scope);
  const list = Array.isArray(clause['ctes']) ? clause['ctes'] : [];
  const names = list.map((item: TreeNode) => textOf(nodeOf(item, 'CommonTableExpr'), 'ctename') ?? '');
  const recursive = flagOf(clause, 'recursive');
  if (recursive) scope.push(...names);
  list.forEach((item: unknown, index) => {
    visit(item);
    if (!recursive) scope.push(names[index]!);
  });
  inner();
  context.ctes.pop();
}
