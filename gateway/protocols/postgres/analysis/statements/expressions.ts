/** Expressions that do something by themselves: calls, sources, common table expressions. Everything else is walked through. */
import { add, constantOf, opaque, secretExpression, type Context } from '../context.ts';
import { BUILTIN_FUNCTIONS } from '../data/builtin-functions.ts';
import { FUNCTION_EFFECTS, type FunctionEffect } from '../functions.ts';
import type { Handlers } from '../handlers.ts';
import { isCatalogueFirst } from '../objects.ts';
import { readNamed, readRelation } from '../relations.ts';
import { listOf, nameParts, nodeOf, type TreeNode } from '../tree.ts';
import { setByFunction } from './settings.ts';

function call(context: Context, node: TreeNode, walk: (value: unknown) => void): void {
  nameCall(context, node, walk);
  walk(node['args']);
  walk(node['agg_order']);
  walk(node['agg_filter']);
  walk(nodeOf(node, 'over'));
}

/** Adds what a call does by its name. */
export function nameCall(context: Context, node: TreeNode, walk: (value: unknown) => void): void {
  const parts = nameParts(node['funcname']);
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 ? parts.at(-2)! : null;
  const effect = FUNCTION_EFFECTS.get(name);
  if (name === 'set_config') return setByFunction(context, listOf(node, 'args'));
  if (effect !== undefined) return applyEffect(context, name, effect, listOf(node, 'args'), walk);
  const first = isCatalogueFirst(context.settings.searchPath);
  const builtIn = schema === 'pg_catalog' || (schema === null && first);
  if (builtIn && BUILTIN_FUNCTIONS.has(name)) return;
  if (schema === 'information_schema') return;
  add(context, 'execute', 'function', context.resolver.other(parts, context.settings));
  context.changesSessionState = true;
}

function applyEffect(
  context: Context,
  name: string,
  effect: FunctionEffect,
  args: readonly TreeNode[],
  walk: (value: unknown) => void,
): void {
  if (effect.secret === true) secretExpression(context, args);
  if (effect.runsArgument !== undefined) {
    const sql = constantOf(context, args[effect.runsArgument]);
    const body = sql === undefined ? undefined : context.parseBody(sql);
    if (body === undefined) return opaque(context, effect.objectKind, name);
    add(context, 'execute', effect.objectKind, name);
    const located = context.located;
    context.located = false;
    walk(body);
    context.located = located;
    return;
  }
  const object = effect.argument === undefined ? undefined : constantOf(context, args[effect.argument]);
  if (effect.readsArgument === true) return readByName(context, name, object);
  add(context, effect.kind, effect.objectKind, object ?? name);
}

const PLAIN_NAME = /^(?:([a-z_][\w$]*)\.)?([a-z_][\w$]*)$/i;

/** A relation named in a string. An object id, or a name that is computed or quoted, could be any. */
function readByName(context: Context, call: string, written: string | undefined): void {
  const found = PLAIN_NAME.exec(written ?? '');
  if (found === null) return opaque(context, 'function', call);
  const [, schema, name] = found;
  readNamed(
    context,
    context.resolver.relation(schema?.toLowerCase() ?? null, name!.toLowerCase(), context.settings),
    true,
  );
}

export const expressions: Handlers = {
  FuncCall: call,
  RangeVar: (context, node) => readRelation(context, node, context.sourceWhole),
};

/** Node types of expressions and clauses that do nothing by themselves: their parts are walked. */
export const PLAIN_NODES: ReadonlySet<string> = new Set(
  `Integer Float Boolean String BitString List A_Const Alias GroupingFunc SubLink BoolExpr NullTest BooleanTest CaseExpr CaseWhen
  CoalesceExpr MinMaxExpr RowExpr SQLValueFunction XmlExpr XmlSerialize CollateClause TypeCast TypeName ColumnRef ParamRef A_Expr A_Star
  A_Indices A_Indirection A_ArrayExpr ResTarget MultiAssignRef SortBy WindowDef RangeSubselect RangeFunction RangeTableFunc
  RangeTableFuncCol RangeTableSample ColumnDef IndexElem DefElem LockingClause PartitionElem PartitionSpec
  PartitionBoundSpec PartitionRangeDatum GroupingSet WithClause InferClause OnConflictClause CTESearchClause
  CTECycleClause CommonTableExpr MergeWhenClause ReturningOption ReturningClause JoinExpr SetToDefault CurrentOfExpr NamedArgExpr
  JsonFormat JsonReturning JsonValueExpr JsonIsPredicate JsonBehavior JsonOutput JsonArgument JsonFuncExpr JsonTablePathSpec JsonTable
  JsonTableColumn JsonKeyValue JsonParseExpr JsonScalarExpr JsonSerializeExpr JsonObjectConstructor JsonArrayConstructor
  JsonArrayQueryConstructor JsonAggConstructor JsonObjectAgg JsonArrayAgg Constraint TriggerTransition FunctionParameter RoleSpec
  ObjectWithArgs AccessPriv StatsElem CreateOpClassItem`.split(/\s+/),
);
