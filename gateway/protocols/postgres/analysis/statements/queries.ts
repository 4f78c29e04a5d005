/** SELECT, INSERT, UPDATE, DELETE, MERGE. */
import { columnsNamed, withCalls } from '../columns.ts';
import { limitRestricts, restricts } from '../conditions.ts';
import { add, forbid, type Context } from '../context.ts';
import type { Handlers, Walk } from '../handlers.ts';
import { isCatalogue, isOnly, isTemporary, readRelation, targetName, withScope } from '../relations.ts';
import type { RelationUse } from '../effects.ts';
import { madeBy, runOperator, runRelation, runSchemaChange } from '../runs.ts';
import { bodyOf, listOf, nodeOf, textOf, type TreeNode } from '../tree.ts';

function select(context: Context, node: TreeNode, walk: Walk): void {
  withScope(context, node, walk, () => {
    const left = nodeOf(node, 'larg');
    const right = nodeOf(node, 'rarg');
    if (left !== undefined) walk({ SelectStmt: left });
    if (right !== undefined) walk({ SelectStmt: right });
    const sources = listOf(node, 'fromClause');
    const limited = limitRestricts(context, node['limitCount']);
    const whole = !limited && !restricts(context, node['whereClause']);
    const only = sources.length === 1 ? bodyOf(sources[0], 'RangeVar') : undefined;
    if (only !== undefined)
      readRelation(
        context,
        only,
        whole,
        withCalls(
          context,
          columnsNamed(
            only,
            PARTS.map((part) => node[part]),
          ),
        ),
      );
    else walkSources(context, sources, whole, walk);
    const into = nodeOf(nodeOf(node, 'intoClause'), 'rel');
    if (into !== undefined) {
      const before = context.changesCatalogue;
      runSchemaChange(context);
      if (isTemporary(into)) context.changesCatalogue = before;
      createFrom(context, into);
    }
    // Sorting and comparing may be by functions that nobody names.
    if (left !== undefined || COMPARING.some((part) => listOf(node, part).length > 0))
      runOperator(context, ['']);
    for (const field of PARTS) walk(node[field]);
  });
}

const COMPARING = ['distinctClause', 'groupClause', 'windowClause', 'sortClause'];
const PARTS = [
  'distinctClause',
  'targetList',
  'whereClause',
  'groupClause',
  'havingClause',
  'windowClause',
  'valuesLists',
  'sortClause',
  'limitOffset',
  'limitCount',
];

export function createFrom(context: Context, range: TreeNode): void {
  const name = targetName(context, range);
  add(context, isTemporary(range) ? 'create.temporary' : 'create', 'table', name);
  context.made.push(...madeBy(context, 'relation', name, () => undefined));
}

function walkSources(context: Context, sources: unknown, whole: boolean, walk: Walk): void {
  const before = context.sourceWhole;
  context.sourceWhole = whole;
  walk(sources);
  context.sourceWhole = before;
}

function targetColumns(list: readonly TreeNode[]): string[] {
  return list.map((item) => textOf(bodyOf(item, 'ResTarget'), 'name') ?? '').filter((name) => name !== '');
}

/** Columns written, and those that the statement reads of the same relation on the way; none where not all are known. */
function touched(
  context: Context,
  range: TreeNode | undefined,
  written: readonly string[],
  parts: readonly unknown[],
): readonly string[] {
  if (written.length === 0) return [];
  const read = withCalls(context, columnsNamed(range, parts));
  const renamed = listOf(nodeOf(range, 'alias'), 'colnames').length > 0;
  return renamed ? [] : [...new Set([...written, ...read])];
}

function writeTo(
  context: Context,
  range: TreeNode | undefined,
  columns: readonly string[],
  whole: boolean,
  use: RelationUse = 'insert',
): void {
  const name = targetName(context, range);
  if (name === 'pg_catalog.pg_settings')
    forbid(context, 'pg_settings', 'settings are changed with SET, not through pg_settings');
  if (isCatalogue(name)) return add(context, 'write.catalogue', 'table', name, { columns, whole });
  add(context, whole ? 'write.whole' : 'write', 'table', name, { columns });
  runRelation(context, name, use, { whole, only: isOnly(range) });
}

function remove(context: Context, range: TreeNode | undefined, whole: boolean): void {
  const name = targetName(context, range);
  if (isCatalogue(name)) add(context, 'write.catalogue', 'table', name);
  add(context, whole ? 'delete.whole' : 'delete', 'table', name);
  if (!isCatalogue(name)) runRelation(context, name, 'delete', { whole, only: isOnly(range) });
}

export const queries: Handlers = {
  SelectStmt: select,
  InsertStmt(context, node, walk) {
    withScope(context, node, walk, () => {
      const range = nodeOf(node, 'relation');
      const parts = [node['onConflictClause'], node['returningClause']];
      writeTo(context, range, touched(context, range, targetColumns(listOf(node, 'cols')), parts), false);
      // ON CONFLICT DO UPDATE runs what an update runs.
      if (node['onConflictClause'] !== undefined)
        runRelation(context, targetName(context, nodeOf(node, 'relation')), 'update');
      walk(node['selectStmt']);
      walk(nodeOf(node, 'onConflictClause'));
      walk(nodeOf(node, 'returningClause'));
    });
  },
  UpdateStmt(context, node, walk) {
    withScope(context, node, walk, () => {
      const whole = !restricts(context, node['whereClause']);
      const range = nodeOf(node, 'relation');
      const parts = [node['targetList'], node['fromClause'], node['whereClause'], node['returningClause']];
      const columns = touched(context, range, targetColumns(listOf(node, 'targetList')), parts);
      writeTo(context, range, columns, whole, 'update');
      walkSources(context, node['fromClause'], whole, walk);
      walk(node['targetList']);
      walk(node['whereClause']);
      walk(nodeOf(node, 'returningClause'));
    });
  },
  DeleteStmt(context, node, walk) {
    withScope(context, node, walk, () => {
      const whole = !restricts(context, node['whereClause']);
      remove(context, nodeOf(node, 'relation'), whole);
      walkSources(context, node['usingClause'], whole, walk);
      walk(node['whereClause']);
      walk(nodeOf(node, 'returningClause'));
    });
  },
  MergeStmt(context, node, walk) {
    withScope(context, node, walk, () => {
      const clauses = listOf(node, 'mergeWhenClauses').map((item) => bodyOf(item, 'MergeWhenClause') ?? {});
      const written = clauses.flatMap((clause) => targetColumns(listOf(clause, 'targetList')));
      const parts = [node['joinCondition'], node['mergeWhenClauses'], node['returningClause']];
      // Rows that the source does not match are changed under no condition of the join.
      const whole =
        !restricts(context, node['joinCondition']) ||
        clauses.some((clause) => textOf(clause, 'matchKind') === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE');
      const does = (command: string): boolean =>
        clauses.some((clause) => textOf(clause, 'commandType') === command);
      const columns = touched(context, nodeOf(node, 'relation'), written, parts);
      writeTo(context, nodeOf(node, 'relation'), columns, whole && does('CMD_UPDATE'));
      runRelation(context, targetName(context, nodeOf(node, 'relation')), 'update');
      if (does('CMD_DELETE')) remove(context, nodeOf(node, 'relation'), whole);
      walkSources(context, node['sourceRelation'], true, walk);
      walk(node['joinCondition']);
      walk(node['mergeWhenClauses']);
      walk(nodeOf(node, 'returningClause'));
    });
  },
};
