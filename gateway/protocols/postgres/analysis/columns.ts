/**
 * Columns of one relation that a command names, an upper bound: what may be one is one. `*` where all of them may be meant (a
 * star, the row as a whole); none where the names say nothing, since the relation's alias renames its columns.
 */
import type { Context } from './context.ts';
import { bodyOf, isNode, listOf, nodeOf, textOf, type TreeNode } from './tree.ts';

const COLUMNS_MAX = 200;

/** `row.name` that is a call of `name(row)` hands over the row as a whole. */
export function withCalls(context: Context, columns: readonly string[]): readonly string[] {
  const { catalogue, settings } = context;
  if (catalogue === undefined) return columns;
  const isCall = (name: string): boolean =>
    catalogue
      .fieldEffects(name, settings)
      .actions.some(({ action, object }) => action === 'execute' && object?.endsWith(`.${name}`) === true);
  return columns.some(isCall) ? [...new Set(['*', ...columns])] : columns;
}

/** Columns of the RangeVar that the parts name; parts in sub-queries count, which may mean it, too. */
export function columnsNamed(range: TreeNode | undefined, parts: readonly unknown[]): readonly string[] {
  const alias = nodeOf(range, 'alias');
  if (range === undefined || listOf(alias, 'colnames').length > 0) return [];
  const names = new Set([
    textOf(range, 'relname') ?? '',
    textOf(alias, 'aliasname') ?? textOf(range, 'relname') ?? '',
  ]);
  const found = new Set<string>();
  for (const part of parts) gather(part, names, found);
  // Past the bound they are not all known.
  return found.size > COLUMNS_MAX ? [] : [...found];
}

function gather(value: unknown, names: ReadonlySet<string>, found: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) gather(item, names, found);
    return;
  }
  if (!isNode(value)) return;
  const column = bodyOf(value, 'ColumnRef');
  if (column === undefined) {
    for (const key in value) gather(value[key], names, found);
    return;
  }
  const fields = listOf(column, 'fields');
  const written = fields.map((field) => textOf(bodyOf(field, 'String'), 'sval'));
  const last = written.at(-1);
  // `s`, `hr.staff`: the row as a whole, unless a column has that name.
  if (last === undefined || last === null || names.has(last)) found.add('*');
  const qualifier = written.at(-2);
  // Of another relation.
  if (qualifier !== undefined && qualifier !== null && !names.has(qualifier)) return;
  if (last !== undefined && last !== null) found.add(last);
}
