/** Whether a condition restricts rows. What always holds (`1 = 1`, `id = id`, `$1`, `LIKE '%'`) does not. */
import { constantOf, type Context } from './context.ts';
import { bodyOf, isNode, listOf, tagged, textOf, type TreeNode } from './tree.ts';

/** Larger limits restrict nothing in practice. */
const LIMIT_ROWS_MAX = 100_000;

export function restricts(context: Context, value: unknown): boolean {
  const node = tagged(value);
  if (node === undefined) return false;
  if (node.type === 'BoolExpr') return booleanRestricts(context, node.body);
  if (node.type === 'NullTest')
    return textOf(node.body, 'nulltesttype') !== 'IS_NOT_NULL' && namesColumn(node.body);
  if (node.type === 'A_Expr') {
    const { lexpr, rexpr } = node.body;
    if (!namesColumn(lexpr) && !namesColumn(rexpr)) return false;
    if (shape(lexpr) === shape(rexpr)) return false;
    return !matchesAll(context, node.body);
  }
  return namesColumn(value);
}

function booleanRestricts(context: Context, body: TreeNode): boolean {
  const parts = listOf(body, 'args');
  const kind = textOf(body, 'boolop');
  if (kind === 'AND_EXPR') return parts.some((part) => restricts(context, part));
  if (kind === 'OR_EXPR') return parts.every((part) => restricts(context, part));
  return namesColumn(parts);
}

function matchesAll(context: Context, body: TreeNode): boolean {
  const kind = textOf(body, 'kind');
  if (kind !== 'AEXPR_LIKE' && kind !== 'AEXPR_ILIKE') return false;
  const pattern = constantOf(context, body['rexpr']);
  return pattern !== undefined && /^%*$/.test(pattern);
}

function namesColumn(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(namesColumn);
  if (!isNode(value)) return false;
  for (const key in value) {
    if (key === 'ColumnRef' || key === 'CurrentOfExpr') return true;
    if (namesColumn(value[key])) return true;
  }
  return false;
}

/** The expression without places and constants' values. */
function shape(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (key === 'location' || key === 'A_Const') return undefined;
    return inner;
  });
}

/** Whether LIMIT restricts: absent, ALL and NULL do not, nor does a very large one; its value stays in the cache's key. */
export function limitRestricts(context: Context, limit: unknown): boolean {
  if (limit === undefined) return false;
  if (bodyOf(limit, 'A_Const') === undefined) return bodyOf(limit, 'ParamRef') !== undefined;
  const value = constantOf(context, limit);
  return value !== undefined && Number(value) <= LIMIT_ROWS_MAX;
}
