/** SET, RESET, set_config, and what changes settings for later sessions. */
import { add, constantOf, forbid, opaque, type Context } from '../context.ts';
import type { Handlers } from '../handlers.ts';
import { NO_EFFECTS, SESSION_USER } from '../effects.ts';
import { UNSURE } from '../objects.ts';
import { bodyOf, listOf, nodeOf, roleName, textOf, type TreeNode } from '../tree.ts';

const SESSION_STATE = new Set([
  'search_path',
  'role',
  'session_authorization',
  'standard_conforming_strings',
  'client_encoding',
]);

const TRUST_SETTINGS =
  /^(row_security|session_replication_role|event_triggers|allow_system_table_mods|allow_in_place_tablespaces|zero_damaged_pages|ignore_.*|(session|local|shared)_preload_libraries|dynamic_library_path|password_encryption|createrole_self_grant|restrict_nonsystem_relation_kind|log_.*|track_activities|pgaudit\..*|extension_control_path|.*_command|.*_library|jit_provider|compute_query_id)$/;

/** Encodings whose multi-byte characters may hold ASCII bytes (quotes, backslashes), as PostgreSQL spells them without `_`. */
const UNSAFE_ENCODING =
  /^(SJIS|MSKANJI|SHIFTJIS.*|WIN932|WINDOWS932|BIG5|WIN950|WINDOWS950|GBK|WIN936|WINDOWS936|UHC|WIN949|WINDOWS949|GB18030|JOHAB)$/;

/** Whether the client may not use an encoding. */
export function isUnsafeEncoding(name: string): boolean {
  return UNSAFE_ENCODING.test(name.toUpperCase().replaceAll(/[^A-Z0-9]/g, ''));
}

/**
 * pg_dump sends this, letter by letter, so that servers without the setting are not asked for it; the name is no constant then. The
 * value takes rights away from what runs later in the dump, and can do nothing else: whatever a relation of that name may be, only
 * this constant is set, and what the session's settings are afterwards is asked.
 */
const DUMP_SETTING =
  "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'";

/** True where it is that, and entered. */
export function setForDump(context: Context, sql: string): boolean {
  if (sql !== DUMP_SETTING) return false;
  context.changesSessionState = true;
  add(context, 'set', 'setting', 'restrict_nonsystem_relation_kind');
  return true;
}

/** One setting given a value; `value` is null for the default. */
export function setSetting(context: Context, written: string, value: string | null): void {
  const name = written.toLowerCase();
  if (SESSION_STATE.has(name)) context.changesSessionState = true;
  if (name === 'search_path') {
    // It may not come to pass (a condition, a rollback, a function that is only made): the old path stays possible, too.
    const before = context.settings.searchPath ?? 'public';
    context.settings = { ...context.settings, searchPath: `${value ?? 'public'}, ${UNSURE}, ${before}` };
  }
  if (name === 'client_connection_check_interval' && value !== null) {
    forbid(
      context,
      'client_connection_check_interval',
      'the gateway needs this setting to end what a lost client left running',
    );
  }
  if (name === 'client_encoding' && value !== null && isUnsafeEncoding(value)) {
    forbid(context, 'client_encoding', `encoding ${value} may hide quotes inside characters; use UTF8`);
  }
  // Whose schema `$user` is from now on, only the target knows.
  if (name === 'session_authorization')
    context.made.push({ kind: 'user', name: SESSION_USER, effects: NO_EFFECTS });
  const identity = name === 'role' || name === 'session_authorization';
  // Whose privileges decide which schemas of the path count.
  if (identity) context.settings = { ...context.settings, role: null };
  if (identity && value !== null && value !== 'none') return add(context, 'role_change', 'role', value);
  add(context, TRUST_SETTINGS.test(name) ? 'set.high' : 'set', 'setting', name);
}

/** `set_config(name, value, is_local)`; a name that is not constant could be any. */
export function setByFunction(context: Context, args: readonly TreeNode[]): void {
  const byPosition = args.map((arg) => bodyOf(arg, 'NamedArgExpr') ?? arg);
  if (byPosition.some((arg, index) => arg !== args[index])) {
    return unknownSetting(context);
  }
  const name = constantOf(context, args[0]);
  if (name === undefined) return unknownSetting(context);
  const value = constantOf(context, args[1]);
  if (value === undefined && /^client_encoding$/i.test(name)) {
    forbid(context, 'client_encoding', 'the encoding must be written as a constant');
  }
  if (context.deferred && SESSION_STATE.has(name.toLowerCase()))
    forbid(
      context,
      'deferred_setting',
      `${name} may only be changed where it can be seen, not by what runs later`,
    );
  setSetting(context, name, value ?? '(computed)');
}

/** SET of a function: its body is read under it, so what was seen of the body would not be what runs. */
export function setOfFunction(context: Context, node: TreeNode): void {
  const name = (textOf(node, 'name') ?? '').toLowerCase();
  const value = constantOf(context, listOf(node, 'args')[0])?.toLowerCase();
  if (
    name === 'client_encoding' ||
    (name === 'standard_conforming_strings' && value !== 'on' && value !== 'true')
  )
    forbid(context, 'deferred_setting', `a function may not change ${name}`);
  setStatement(context, node);
}

function unknownSetting(context: Context): void {
  // What is stored in the target was not sent by this client: it is for policy to say.
  if (!context.stored) forbid(context, 'set_config', 'the name of the setting must be written as a constant');
  opaque(context, 'function', 'set_config');
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A VariableSetStmt, wherever it stands. */
export function setStatement(context: Context, node: TreeNode): void {
  const kind = textOf(node, 'kind');
  const name = textOf(node, 'name') ?? '';
  if (kind === 'VAR_RESET_ALL') {
    context.changesSessionState = true;
    return add(context, 'set', 'setting', 'all');
  }
  if (kind === 'VAR_SET_MULTI') return add(context, 'transaction');
  if (kind === 'VAR_RESET' || kind === 'VAR_SET_DEFAULT') return setSetting(context, name, null);
  const values = listOf(node, 'args').map((arg) => constantOf(context, arg) ?? '(computed)');
  const path = name.toLowerCase() === 'search_path';
  setSetting(context, name, (path ? values.map(quoted) : values).join(', '));
}

export const settings: Handlers = {
  VariableSetStmt: setStatement,
  VariableShowStmt: (context) => add(context, 'session'),
  AlterSystemStmt(context, node) {
    const set = nodeOf(node, 'setstmt') ?? {};
    setStatement(context, set);
    add(context, 'admin.critical', 'setting', textOf(set, 'name') ?? 'all');
  },
  AlterRoleSetStmt(context, node) {
    setStatement(context, nodeOf(node, 'setstmt') ?? {});
    add(context, 'role_change', 'role', node['role'] === undefined ? 'all' : roleName(nodeOf(node, 'role')));
  },
  AlterDatabaseSetStmt(context, node) {
    setStatement(context, nodeOf(node, 'setstmt') ?? {});
    add(context, 'alter.high', 'database', textOf(node, 'dbname'));
  },
  DiscardStmt(context, node) {
    context.changesSessionState = true;
    add(
      context,
      'set',
      'session',
      (textOf(node, 'target') ?? 'DISCARD_ALL').replace('DISCARD_', '').toLowerCase(),
    );
  },
};
