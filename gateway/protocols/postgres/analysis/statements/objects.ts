/** Objects made, changed and dropped. */
import { add, secretStatement, type Context } from '../context.ts';
import type { Handler, Handlers, Walk } from '../handlers.ts';
import { isTemporary, targetName } from '../relations.ts';
import { madeBy, runRelation, runType } from '../runs.ts';
import { bodyOf, listOf, nameParts, nodeOf, stringNode, tagged, textOf, type TreeNode } from '../tree.ts';
import type { ActionKind } from '../actions.ts';
import { createFrom } from './queries.ts';
import { attached, inheritedFrom, isOfServer, noteRename, unsettling } from './renames.ts';
import { overSources } from './views.ts';

const SCHEMALESS = new Set(
  'schema database role tablespace extension language foreign_server fdw event_trigger publication subscription access_method cast transform'.split(
    ' ',
  ),
);
const RELATIONS = new Set('table view matview index sequence foreign_table'.split(' '));
const SAFE_ALTERS = new Set(
  'AT_AddColumn AT_ColumnDefault AT_DropNotNull AT_SetNotNull AT_AddIndex AT_AddConstraint AT_ValidateConstraint AT_SetStatistics AT_SetOptions AT_SetRelOptions AT_ResetRelOptions AT_AlterColumnType AT_AttachPartition AT_ClusterOn AT_SetStorage'.split(
    ' ',
  ),
);
const DROPPING_ALTERS = new Set(['AT_DropColumn', 'AT_DropConstraint', 'AT_DetachPartition']);

function kindOf(node: TreeNode, field: string): string {
  return (textOf(node, field) ?? '').replace('OBJECT_', '').toLowerCase();
}

function objectName(context: Context, kind: string, value: unknown): string {
  const range = bodyOf(value, 'RangeVar');
  if (range !== undefined) return targetName(context, range);
  const parts = nameParts(value);
  if (SCHEMALESS.has(kind) || parts.length === 0) return parts.join('.');
  if (RELATIONS.has(kind) && parts.length === 1)
    return context.resolver.relation(null, parts[0]!, context.settings);
  return context.resolver.other(parts, context.settings);
}

function drop(context: Context, node: TreeNode): void {
  const kind = kindOf(node, 'removeType');
  for (const item of listOf(node, 'objects')) {
    const name = objectName(context, kind, item);
    const [schema, ...rest] = nameParts(item);
    const action =
      RELATIONS.has(kind) && schema === 'pg_temp' && rest.length === 1
        ? 'drop.temporary'
        : kind === 'schema'
          ? 'drop.critical'
          : 'drop';
    add(context, action, kind, name);
  }
}

function alterTable(context: Context, node: TreeNode, walk: Walk): void {
  const kind = kindOf(node, 'objtype');
  const name = targetName(context, nodeOf(node, 'relation'));
  const columns: string[] = [];
  let action: ActionKind = 'alter';
  for (const item of listOf(node, 'cmds')) {
    const command = bodyOf(item, 'AlterTableCmd') ?? {};
    const subtype = textOf(command, 'subtype') ?? '';
    const column = textOf(command, 'name');
    if (column !== null) columns.push(column);
    if (DROPPING_ALTERS.has(subtype))
      add(context, 'drop', subtype === 'AT_DropColumn' ? 'column' : 'constraint', `${name}.${column ?? ''}`);
    else if (!SAFE_ALTERS.has(subtype)) action = 'alter.high';
    if (REWRITING_ALTERS.has(subtype)) runRelation(context, name, 'insert');
    attached(context, command, subtype);
    walk(command['def']);
  }
  add(context, action, kind, name, { columns });
}

/** The table is looked through: its conditions and expressions run. */
const REWRITING_ALTERS = new Set(
  'AT_AddColumn AT_AlterColumnType AT_ValidateConstraint AT_SetExpression'.split(' '),
);

const MADE = new Set(['table', 'view', 'sequence', 'type']);

/** A command on one relation; its parts are walked for what runs in defaults and conditions. */
function onRelation(
  kind: ActionKind,
  objectKind: string,
  field: string,
  parts: readonly string[] = [],
): Handler {
  return (context, node, walk) => {
    const range = nodeOf(node, field);
    const name = targetName(context, range);
    const made = kind === 'create' && MADE.has(objectKind);
    add(context, kind === 'create' && isTemporary(range) ? 'create.temporary' : kind, objectKind, name);
    const walkParts = (): void => {
      for (const part of parts) walk(node[part]);
      for (const parent of inheritedFrom(node)) runRelation(context, targetName(context, parent), 'insert');
    };
    if (made) context.made.push(...madeBy(context, 'relation', name, walkParts));
    else walkParts();
  };
}

/** A command on a named object. */
function onName(kind: ActionKind, objectKind: string, field: string, qualified = false): Handler {
  return (context, node) => {
    const plain = textOf(node, field);
    const parts = plain === null ? nameParts(node[field]) : [plain];
    add(
      context,
      kind,
      objectKind,
      qualified ? context.resolver.other(parts, context.settings) : parts.join('.'),
    );
  };
}

function onObject(kind: ActionKind, field: string): Handler {
  return (context, node) => {
    const objectKind = kindOf(node, field);
    const range = nodeOf(node, 'relation');
    const name =
      range === undefined ? objectName(context, objectKind, node['object']) : targetName(context, range);
    const critical = objectKind === 'role' || objectKind === 'database';
    if (field === 'renameType' && isOfServer(context, nameParts(node['object'])))
      add(context, 'write.catalogue', objectKind, name);
    add(context, critical ? 'alter.high' : kind, objectKind, name === '' ? textOf(node, 'subname') : name);
    if (field === 'renameType' || node['newschema'] !== undefined) noteRename(context, node, objectKind);
  };
}

function define(context: Context, node: TreeNode): void {
  const kind = kindOf(node, 'kind');
  const code = ['operator', 'aggregate', 'type'].includes(kind);
  add(
    context,
    code ? 'create.code' : 'create',
    kind,
    objectName(context, kind, { List: { items: node['defnames'] } }),
  );
}

export const objects: Handlers = {
  DropStmt: unsettling(drop),
  DropTableSpaceStmt: onName('drop.critical', 'tablespace', 'tablespacename'),
  DropdbStmt: onName('drop.critical', 'database', 'dbname'),
  TruncateStmt(context, node) {
    for (const item of listOf(node, 'relations')) {
      const name = targetName(context, bodyOf(item, 'RangeVar'));
      add(context, 'truncate', 'table', name, { whole: true });
      runRelation(context, name, 'truncate');
    }
  },
  CreateStmt: onRelation('create', 'table', 'relation', [
    'tableElts',
    'ofTypename',
    'constraints',
    'partspec',
    'partbound',
  ]),
  TableLikeClause(context, node) {
    const name = targetName(context, nodeOf(node, 'relation'));
    add(context, 'session', 'table', name);
    // Defaults, conditions, generated columns and indexes may come along.
    runRelation(context, name, 'insert');
  },
  CreateForeignTableStmt(context, node, walk) {
    const base = nodeOf(node, 'base') ?? {};
    if (listOf(node, 'options').length > 0) secretStatement(context);
    add(context, 'create.access', 'foreign_table', targetName(context, nodeOf(base, 'relation')));
    walk(base['tableElts']);
  },
  CreateTableAsStmt(context, node, walk) {
    const range = nodeOf(nodeOf(node, 'into'), 'rel');
    if (range !== undefined) createFrom(context, range);
    walk(node['query']);
  },
  ViewStmt: overSources(onRelation('create', 'view', 'view', ['query'])),
  RefreshMatViewStmt(context, node) {
    const name = targetName(context, nodeOf(node, 'relation'));
    add(context, 'maintain', 'matview', name);
    runRelation(context, name, 'refresh');
  },
  IndexStmt: onRelation('create', 'index', 'relation', ['indexParams', 'whereClause']),
  CreateSeqStmt: onRelation('create', 'sequence', 'sequence'),
  AlterSeqStmt: onRelation('alter', 'sequence', 'sequence'),
  CompositeTypeStmt: onRelation('create', 'type', 'typevar', ['coldeflist']),
  CreateSchemaStmt(context, node, walk) {
    add(
      context,
      'create',
      'schema',
      textOf(node, 'schemaname') ?? textOf(nodeOf(node, 'authrole'), 'rolename'),
    );
    walk(node['schemaElts']);
  },
  CreateTableSpaceStmt: onName('admin', 'tablespace', 'tablespacename'),
  AlterTableSpaceOptionsStmt: onName('admin', 'tablespace', 'tablespacename'),
  AlterTableMoveAllStmt: onName('admin', 'tablespace', 'orig_tablespacename'),
  CreatedbStmt: onName('create.access', 'database', 'dbname'),
  AlterDatabaseStmt: onName('alter.high', 'database', 'dbname'),
  AlterDatabaseRefreshCollStmt: onName('maintain', 'database', 'dbname'),
  CreateDomainStmt(context, node, walk) {
    add(context, 'create', 'domain', context.resolver.other(nameParts(node['domainname']), context.settings));
    walk(node['typeName']);
    walk(node['constraints']);
  },
  AlterDomainStmt(context, node, walk) {
    add(context, 'alter', 'domain', context.resolver.other(nameParts(node['typeName']), context.settings));
    // Values that are there are looked at.
    runType(context, nameParts(node['typeName']));
    walk(node['def']);
  },
  CreateEnumStmt: onName('create', 'type', 'typeName', true),
  CreateRangeStmt: onName('create.code', 'type', 'typeName', true),
  AlterEnumStmt: onName('alter', 'type', 'typeName', true),
  AlterTypeStmt: onName('alter.high', 'type', 'typeName', true),
  AlterCollationStmt: onName('alter', 'collation', 'collname', true),
  CreateStatsStmt(context, node, walk) {
    onName('create', 'statistics', 'defnames', true)(context, node, walk);
    walk(node['exprs']);
  },
  AlterStatsStmt: onName('alter', 'statistics', 'defnames', true),
  DefineStmt: define,
  CreateAmStmt: onName('create.code', 'access_method', 'amname'),
  CreateOpClassStmt: onName('create.code', 'operator_class', 'opclassname', true),
  CreateOpFamilyStmt: onName('create.code', 'operator_family', 'opfamilyname', true),
  AlterOpFamilyStmt: onName('create.code', 'operator_family', 'opfamilyname', true),
  AlterOperatorStmt: (context, node) =>
    add(context, 'alter.high', 'operator', nameParts(nodeOf(node, 'opername')?.['objname']).join('.')),
  CreateConversionStmt: onName('create.code', 'conversion', 'conversion_name', true),
  CreateCastStmt: (context, node) =>
    add(context, 'create.code', 'cast', nameParts(nodeOf(node, 'sourcetype')?.['names']).join('.')),
  CreateTransformStmt: (context, node) => add(context, 'create.code', 'transform', textOf(node, 'lang')),
  AlterTSDictionaryStmt: onName('alter', 'text_search_dictionary', 'dictname', true),
  AlterTSConfigurationStmt: onName('alter', 'text_search_configuration', 'cfgname', true),
  AlterTableStmt: alterTable,
  AlterTableCmd: (_context, node, walk) => walk(node['def']),
  RenameStmt: onObject('alter', 'renameType'),
  AlterObjectSchemaStmt: onObject('alter.high', 'objectType'),
  AlterObjectDependsStmt: onObject('alter', 'objectType'),
  AlterOwnerStmt: onObject('alter.high', 'objectType'),
  CommentStmt: (context, node) => {
    const kind = kindOf(node, 'objtype');
    const name =
      tagged(node['object']) === undefined
        ? null
        : (stringNode(node['object']) ?? objectName(context, kind, node['object']));
    add(context, 'alter', kind, name);
  },
};
