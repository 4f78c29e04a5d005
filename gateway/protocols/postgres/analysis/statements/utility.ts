/** COPY, locks, transactions, maintenance, notifications. */
import { restricts } from '../conditions.ts';
import { add, type Context } from '../context.ts';
import type { Handlers, Walk } from '../handlers.ts';
import { isCatalogue, readNamed, targetName } from '../relations.ts';
import { runMaintenance, runRelation } from '../runs.ts';
import { bodyOf, flagOf, listOf, nameParts, nodeOf, textOf, type TreeNode } from '../tree.ts';

function copy(context: Context, node: TreeNode, walk: Walk): void {
  const range = nodeOf(node, 'relation');
  const table = range === undefined ? null : targetName(context, range);
  const columns = nameParts(node['attlist']);
  const file = textOf(node, 'filename');
  const place = flagOf(node, 'is_program') ? 'program' : 'file';
  if (flagOf(node, 'is_from')) {
    add(context, 'import', 'table', table, { columns });
    if (table !== null && !isCatalogue(table)) runRelation(context, table, 'insert');
    if (table !== null && isCatalogue(table)) add(context, 'write.catalogue', 'table', table);
    if (file !== null) add(context, 'import.server', place, file);
    return walk(node['whereClause']);
  }
  if (file !== null) add(context, 'export.server', place, file);
  if (table === null) {
    const before = context.actions.length;
    walk(node['query']);
    const whole = context.actions.slice(before).some((action) => action.whole);
    return add(context, whole ? 'export.whole' : 'export', 'query', null);
  }
  readNamed(context, table, !restricts(context, undefined), columns);
  add(context, isCatalogue(table) ? 'export' : 'export.whole', 'table', table, { columns, whole: true });
}

function maintain(context: Context, node: TreeNode, objectKind: string): void {
  const range = nodeOf(node, 'relation');
  const name = range === undefined ? textOf(node, 'name') : targetName(context, range);
  add(context, 'maintain', objectKind, name);
  if (range !== undefined && objectKind === 'table') maintained(context, name!);
  else runMaintenance(context);
}

/** Expressions of indexes run. */
function maintained(context: Context, name: string): void {
  if (!isCatalogue(name)) runRelation(context, name, 'maintain');
}

export const utility: Handlers = {
  CopyStmt: copy,
  LockStmt(context, node) {
    for (const item of listOf(node, 'relations'))
      add(context, 'lock', 'table', targetName(context, bodyOf(item, 'RangeVar')));
  },
  TransactionStmt(context, node) {
    const kind = textOf(node, 'kind') ?? '';
    // A rollback takes back SET and set_config: what the session's settings are afterwards only the target knows.
    if (kind.startsWith('TRANS_STMT_ROLLBACK') || kind.startsWith('TRANS_STMT_COMMIT'))
      context.changesSessionState = true;
    add(context, 'transaction');
  },
  ConstraintsSetStmt: (context) => add(context, 'transaction'),
  NotifyStmt: (context, node) => add(context, 'session', 'channel', textOf(node, 'conditionname')),
  ListenStmt: (context, node) => add(context, 'session', 'channel', textOf(node, 'conditionname')),
  UnlistenStmt: (context, node) => add(context, 'session', 'channel', textOf(node, 'conditionname')),
  VacuumStmt(context, node) {
    const relations = listOf(node, 'rels');
    if (relations.length === 0) {
      add(context, 'maintain', 'database', null);
      runMaintenance(context);
    }
    for (const item of relations) {
      const name = targetName(context, nodeOf(bodyOf(item, 'VacuumRelation'), 'relation'));
      add(context, 'maintain', 'table', name);
      maintained(context, name);
    }
  },
  ClusterStmt: (context, node) => maintain(context, node, 'table'),
  ReindexStmt: (context, node) => maintain(context, node, 'index'),
  CheckPointStmt: (context) => add(context, 'maintain', 'server', null),
};
