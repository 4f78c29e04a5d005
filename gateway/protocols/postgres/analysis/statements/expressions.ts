/** Expressions that do something by themselves: calls, sources, common table expressions. Everything else is walked through. */
import { add, constantOf, opaque, secretExpression, type Context } from '../context.ts';
import { BUILTIN_FUNCTIONS } from '../data/builtin-functions.ts';
import { FUNCTION_EFFECTS, type FunctionEffect } from '../functions.ts';
import type { Handlers } from '../handlers.ts';
import { isCatalogueFirst } from '../objects.ts';
import { readNamed, readRelation } from '../relations.ts';
import { madeHere, mergeEffects, runField, runMaintenance, runOperator } from '../runs.ts';
import { flagOf, listOf, nameParts, nodeOf, stringNode, textOf, type TreeNode } from '../tree.ts';
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
  const known = callStored(context, node, parts);
  const effect = FUNCTION_EFFECTS.get(name);
  if (name === 'set_config') return setByFunction(context, listOf(node, 'args'));
  if (effect !== undefined) return applyEffect(context, name, effect, listOf(node, 'args'), walk);
  const first = isCatalogueFirst(context.settings.searchPath);
  const builtIn = schema === 'pg_catalog' || (schema === null && first);
  if (builtIn && BUILTIN_FUNCTIONS.has(name)) return;
  if (schema === 'information_schema') return;
  if (known === false) {
    context.unknownName = true;
    return opaque(context, 'function', context.resolver.other(parts, context.settings));
  }
  add(context, 'execute', 'function', context.resolver.other(parts, context.settings));
  // What the catalogue shows has said by itself whether it does.
  if (
    known === undefined ||
    context.catalogue?.callEffects(['pg_catalog', name], null, context.settings).known
  )
    context.changesSessionState = true;
}

/** What the functions of that name do that are not PostgreSQL's own; undefined where nobody knows. */
function callStored(context: Context, node: TreeNode, parts: readonly string[]): boolean | undefined {
  const { catalogue, settings } = context;
  if (catalogue === undefined) return undefined;
  // What WITHIN GROUP orders by are arguments, too.
  const counted = !flagOf(node, 'func_variadic') && !flagOf(node, 'agg_within_group');
  const count = counted ? listOf(node, 'args').length : null;
  const { known, effects } = catalogue.callEffects(parts, count, settings);
  mergeEffects(context, effects);
  const own = madeHere(context, 'function', context.resolver.other(parts, settings));
  for (const made of own) mergeEffects(context, made.effects);
  return known || own.length > 0;
}

/** `=` and its like stand behind many words. */
const HIDDEN_OPERATORS: Readonly<Record<string, readonly string[]>> = {
  AEXPR_NULLIF: ['='],
  AEXPR_DISTINCT: ['='],
  AEXPR_NOT_DISTINCT: ['='],
  AEXPR_BETWEEN: ['>=', '<='],
  AEXPR_NOT_BETWEEN: ['<', '>'],
  AEXPR_BETWEEN_SYM: ['>=', '<='],
  AEXPR_NOT_BETWEEN_SYM: ['<', '>'],
};

function applyEffect(
  context: Context,
  name: string,
  effect: FunctionEffect,
  args: readonly TreeNode[],
  walk: (value: unknown) => void,
): void {
  if (effect.secret === true) secretExpression(context, args);
  if (effect.kind === 'maintain') runMaintenance(context);
  if (effect.runsArgument !== undefined) {
    const said = constantOf(context, args[effect.runsArgument]);
    const sql = said !== undefined && effect.runsType === true ? `SELECT CAST(NULL AS ${said})` : said;
    const body = sql === undefined ? undefined : context.parseBody(sql);
    if (body === undefined) return opaque(context, effect.objectKind, name);
    if (effect.runsType !== true) add(context, 'execute', effect.objectKind, name);
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

/** A handler that adds what an operator runs and walks on. */
const andOperators =
  (names: (node: TreeNode) => readonly (readonly string[])[]): Handlers[string] =>
  (context, node, walk) => {
    for (const parts of names(node)) runOperator(context, parts);
    walk(node);
  };

/** An operator class that is named brings its functions. */
const withClass: Handlers[string] = (context, node, walk) => {
  if (listOf(node, 'opclass').length > 0) runMaintenance(context);
  walk(node);
};

export const expressions: Handlers = {
  FuncCall: call,
  A_Expr: andOperators((node) => [
    nameParts(node['name']),
    ...(HIDDEN_OPERATORS[textOf(node, 'kind') ?? ''] ?? []).map((name) => [name]),
  ]),
  SubLink: andOperators((node) =>
    textOf(node, 'subLinkType') === 'ANY_SUBLINK' || textOf(node, 'subLinkType') === 'ALL_SUBLINK'
      ? [listOf(node, 'operName').length === 0 ? ['='] : nameParts(node['operName'])]
      : [],
  ),
  CaseExpr: andOperators((node) => (node['arg'] === undefined ? [] : [['=']])),
  JoinExpr: andOperators((node) =>
    node['usingClause'] === undefined && !flagOf(node, 'isNatural') ? [] : [['=']],
  ),
  SortBy: andOperators((node) => (node['useOp'] === undefined ? [] : [nameParts(node['useOp'])])),
  // The walk knows types, which the tree does not mark as such everywhere.
  TypeName: (_context, node, walk) => walk(node),
  IndexElem: withClass,
  PartitionElem: withClass,
  /** `row.name` may be a call of `name(row)`. */
  ColumnRef(context, node) {
    const fields = listOf(node, 'fields');
    const last = stringNode(fields.at(-1));
    if (fields.length > 1 && last !== null) runField(context, last);
  },
  A_Indirection(context, node, walk) {
    for (const item of listOf(node, 'indirection')) {
      const name = stringNode(item);
      if (name !== null) runField(context, name);
    }
    walk(node);
  },
  RangeVar: (context, node) => readRelation(context, node, context.sourceWhole),
};

/** Node types of expressions and clauses that do nothing by themselves: their parts are walked. */
export const PLAIN_NODES: ReadonlySet<string> = new Set(
  `TypeCast ColumnDef FunctionParameter Integer Float Boolean String BitString List A_Const Alias GroupingFunc BoolExpr NullTest BooleanTest CaseWhen
  CoalesceExpr MinMaxExpr RowExpr SQLValueFunction XmlExpr XmlSerialize CollateClause ParamRef A_Star
  A_Indices A_ArrayExpr ResTarget MultiAssignRef WindowDef RangeSubselect RangeFunction RangeTableFunc
  RangeTableFuncCol RangeTableSample DefElem LockingClause PartitionSpec
  PartitionBoundSpec PartitionRangeDatum GroupingSet WithClause InferClause OnConflictClause CTESearchClause
  CTECycleClause CommonTableExpr MergeWhenClause ReturningOption ReturningClause SetToDefault CurrentOfExpr NamedArgExpr
  JsonFormat JsonReturning JsonValueExpr JsonIsPredicate JsonBehavior JsonOutput JsonArgument JsonFuncExpr JsonTablePathSpec JsonTable
  JsonTableColumn JsonKeyValue JsonParseExpr JsonScalarExpr JsonSerializeExpr JsonObjectConstructor JsonArrayConstructor
  JsonArrayQueryConstructor JsonAggConstructor JsonObjectAgg JsonArrayAgg Constraint TriggerTransition RoleSpec
  ObjectWithArgs AccessPriv StatsElem CreateOpClassItem`.split(/\s+/),
);
