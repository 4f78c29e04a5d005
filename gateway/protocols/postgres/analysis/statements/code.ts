/** Code: functions, DO, CALL, prepared statements, EXPLAIN, cursors. */
import { add, forbid, opaque, secretStatement, type Context } from '../context.ts';
import { headerOf, isTooLong, seeThrough } from '../procedural.ts';
import type { StoredCode } from '../run.ts';
import { madeBy, mergeEffects } from '../runs.ts';
import { parseSql } from '../parser.ts';
import type { Handlers, Walk } from '../handlers.ts';
import {
  bodyOf,
  flagOf,
  listOf,
  nameParts,
  nodeOf,
  optionOn,
  options,
  stringNode,
  textOf,
  type TreeNode,
} from '../tree.ts';
import { nameCall } from './expressions.ts';
import { setOfFunction } from './settings.ts';

const BODY_NESTING_MAX = 4;
const DO_HEADER = 'CREATE FUNCTION body() RETURNS void LANGUAGE plpgsql';

function walkBody(context: Context, body: unknown, walk: Walk): void {
  const located = context.located;
  context.located = false;
  context.nesting += 1;
  walk(body);
  context.nesting -= 1;
  context.located = located;
}

/** What a body in a language of the server says, and whether there is more to it. */
export function codeOf(node: TreeNode): StoredCode {
  const body = node['sql_body'];
  // Defaults of parameters run where a call leaves them out.
  const defaults = node['parameters'];
  if (body !== undefined) return { statements: [defaults, body], hidden: null };
  const found = options(listOf(node, 'options'));
  const language = (stringNode(found.get('language')) ?? 'sql').toLowerCase();
  const parts = nameParts(found.get('as'));
  if (parts.length !== 1) return { statements: [defaults], hidden: language };
  const code = codeIn(language, parts[0]!, headerOf(node));
  return { statements: [defaults, ...code.statements], hidden: code.hidden };
}

function codeIn(language: string, body: string, header: string): StoredCode {
  if (language === 'plpgsql') return seeThrough(header, body);
  if (language !== 'sql' || isTooLong(body)) return { statements: [], hidden: language };
  const parsed = parseSql(body);
  return parsed.ok
    ? { statements: parsed.statements.map(({ statement }) => statement), hidden: null }
    : { statements: [], hidden: 'does not parse' };
}

/** Secrets in bodies, which no place of the text shows; and what no body may do. */
function guardBody(context: Context, body: string): void {
  if (/client_connection_check_interval/i.test(body)) {
    forbid(
      context,
      'client_connection_check_interval',
      'the gateway needs this setting to end what a lost client left running',
    );
  }
  if (/password|conninfo|connection|dblink|user\s+mapping/i.test(body)) secretStatement(context);
}

function createFunction(context: Context, node: TreeNode, walk: Walk): void {
  const name = context.resolver.other(nameParts(node['funcname']), context.settings);
  const kind = flagOf(node, 'is_procedure') ? 'procedure' : 'function';
  const found = options(listOf(node, 'options'));
  add(context, optionOn(found, 'security') ? 'create.code' : 'create', kind, name);
  walk(node['parameters']);
  for (const item of listOf(node, 'options')) {
    const set = bodyOf(bodyOf(item, 'DefElem')?.['arg'], 'VariableSetStmt');
    if (set !== undefined) setOfFunction(context, set);
  }
  guardBody(context, nameParts(found.get('as')).join('\n'));
  context.made.push(
    ...madeBy(context, 'function', name, () => runBody(context, codeOf(node), kind, name, walk)),
  );
}

function runBody(context: Context, code: StoredCode, kind: string, name: string, walk: Walk): void {
  if (context.nesting >= BODY_NESTING_MAX) return opaque(context, kind, name);
  walkBody(context, code.statements, walk);
  if (code.hidden !== null) opaque(context, kind, name);
}

function explain(context: Context, node: TreeNode, walk: Walk): void {
  if (!optionOn(options(listOf(node, 'options')), 'analyze')) add(context, 'session');
  // Without ANALYZE too: the planner may run functions, and the plan tells about the objects.
  walk(node['query']);
}

function prepare(context: Context, node: TreeNode, walk: Walk): void {
  context.cacheable = false;
  const before = {
    actions: context.actions.splice(0),
    risk: context.risk,
    changes: context.changesSessionState,
  };
  context.risk = 'none';
  context.changesSessionState = false;
  // Parameters are values of their types.
  const query = [node['argtypes'], node['query']];
  walk(query);
  const inner = context.actions.splice(0);
  const { risk, changesSessionState } = context;
  context.prepared.define(textOf(node, 'name') ?? '', { query, actions: inner, risk, changesSessionState });
  context.actions.push(...before.actions);
  context.risk = before.risk;
  context.changesSessionState = before.changes || changesSessionState;
  context.merge(inner, risk);
}

function execute(context: Context, node: TreeNode, walk: Walk): void {
  context.cacheable = false;
  const name = textOf(node, 'name') ?? '';
  const known = context.prepared.lookup(name);
  if (known === undefined) opaque(context, 'prepared_statement', name);
  for (const statement of known ?? []) {
    context.merge(statement.actions, statement.risk);
    context.changesSessionState ||= statement.changesSessionState;
    // What stands behind its names may be something else by now.
    if (context.catalogue !== undefined && context.nesting < BODY_NESTING_MAX)
      walkBody(context, statement.query, walk);
  }
  walk(node['params']);
}

export const code: Handlers = {
  CreateFunctionStmt: createFunction,
  AlterFunctionStmt(context, node) {
    add(
      context,
      'alter.high',
      'function',
      context.resolver.other(nameParts(nodeOf(node, 'func')?.['objname']), context.settings),
    );
    for (const item of listOf(node, 'actions')) {
      const set = bodyOf(bodyOf(item, 'DefElem')?.['arg'], 'VariableSetStmt');
      if (set !== undefined) setOfFunction(context, set);
    }
  },
  DoStmt(context, node, walk) {
    const found = options(listOf(node, 'args'));
    const language = (stringNode(found.get('language')) ?? 'plpgsql').toLowerCase();
    const body = stringNode(found.get('as')) ?? '';
    guardBody(context, body);
    add(context, 'session');
    runBody(context, codeIn(language, body, DO_HEADER), 'do', language, walk);
  },
  CallStmt(context, node, walk) {
    const inner = nodeOf(node, 'funccall') ?? {};
    const parts = nameParts(inner['funcname']);
    if (context.catalogue === undefined)
      opaque(context, 'procedure', context.resolver.other(parts, context.settings));
    nameCall(context, inner, walk);
    walk(inner['args']);
  },
  ExplainStmt: explain,
  PrepareStmt: prepare,
  ExecuteStmt: execute,
  DeallocateStmt(context) {
    context.cacheable = false;
    add(context, 'session');
  },
  DeclareCursorStmt: (_context, node, walk) => walk(node['query']),
  FetchStmt: (context) => add(context, 'session'),
  ClosePortalStmt: (context) => add(context, 'session'),
  ReturnStmt: (_context, node, walk) => walk(node['returnval']),
  RuleStmt(context, node, walk) {
    add(context, 'create.code', 'rule', textOf(node, 'rulename'));
    walk(node['whereClause']);
    walk(node['actions']);
  },
  CreateTrigStmt(context, node, walk) {
    add(context, 'create.code', 'trigger', textOf(node, 'trigname'));
    const called = context.catalogue?.callEffects(nameParts(node['funcname']), null, context.settings);
    if (called !== undefined) mergeEffects(context, called.effects);
    walk(node['whenClause']);
  },
  CreateEventTrigStmt: (context, node) =>
    add(context, 'create.code', 'event_trigger', textOf(node, 'trigname')),
  AlterEventTrigStmt: (context, node) =>
    add(context, 'alter.high', 'event_trigger', textOf(node, 'trigname')),
  CreatePLangStmt: (context, node) => add(context, 'create.code', 'language', textOf(node, 'plname')),
  LoadStmt: (context, node) => add(context, 'execute.critical', 'library', textOf(node, 'filename')),
  CreateExtensionStmt: (context, node) => add(context, 'create.code', 'extension', textOf(node, 'extname')),
  AlterExtensionStmt: (context, node) => add(context, 'create.code', 'extension', textOf(node, 'extname')),
  AlterExtensionContentsStmt: (context, node) =>
    add(context, 'alter.high', 'extension', textOf(node, 'extname')),
};
