/**
 * Objects that get another name. Within its transaction only the session sees that: what the old name ran counts for the new one, and
 * names that a path leads to may be others than before.
 */
import type { Context } from '../context.ts';
import { NO_EFFECTS, PATH_UNSURE, uniteEffects, type Effects, type RelationUse } from '../effects.ts';
import type { Handler } from '../handlers.ts';
import { BUILTIN_FUNCTIONS } from '../data/builtin-functions.ts';
import { FUNCTION_EFFECTS } from '../functions.ts';
import { isCatalogue, targetName } from '../relations.ts';
import { effectsOfRead, runRelation, runUnknown } from '../runs.ts';
import { bodyOf, nameParts, nodeOf, textOf, type TreeNode } from '../tree.ts';

const ROUTINES = new Set('function procedure routine aggregate'.split(' '));
const RELATIONS = new Set('table view matview foreign_table sequence index'.split(' '));
/** What they stand for is not looked up by a name that could be followed. */
const SCHEMAS_AND_TYPES = new Set('schema type domain extension'.split(' '));
const USES: readonly RelationUse[] = ['read', 'insert', 'update', 'delete', 'truncate'];

/** A path may lead elsewhere from now on, until others see it, too. */
export function unsettlePath(context: Context): void {
  context.made.push({ kind: 'user', name: PATH_UNSURE, effects: NO_EFFECTS });
}

function relationEffects(context: Context, name: string): Effects {
  const { catalogue } = context;
  if (catalogue === undefined) return NO_EFFECTS;
  return uniteEffects([
    effectsOfRead(name),
    ...USES.map((use) => catalogue.relationEffects(name, use, false).effects),
  ]);
}

/** After the action itself: what the new name stands for. */
export function noteRename(context: Context, node: TreeNode, objectKind: string): void {
  const newSchema = textOf(node, 'newschema');
  const newName = textOf(node, 'newname');
  const range = nodeOf(node, 'relation');
  if (RELATIONS.has(objectKind) && range !== undefined) {
    const old = targetName(context, range);
    const dot = old.indexOf('.');
    const name = `${newSchema ?? old.slice(0, dot)}.${newName ?? old.slice(dot + 1)}`;
    context.made.push({ kind: 'relation', name, effects: relationEffects(context, old) });
    return unsettlePath(context);
  }
  const parts = nameParts(node['object']);
  if (ROUTINES.has(objectKind) && parts.length > 0) {
    const old = context.resolver.other(parts, context.settings);
    const dot = old.indexOf('.');
    const name = `${newSchema ?? old.slice(0, dot)}.${newName ?? old.slice(dot + 1)}`;
    const effects = context.catalogue?.callEffects(parts, null, context.settings).effects ?? NO_EFFECTS;
    context.made.push({ kind: 'function', name, effects });
    return unsettlePath(context);
  }
  if (!SCHEMAS_AND_TYPES.has(objectKind)) return;
  unsettlePath(context);
  runUnknown(context, objectKind);
}

/** A handler that does what `inner` does, and notes that a path may lead elsewhere. */
export const unsettling =
  (inner: Handler): Handler =>
  (context, node, walk) => {
    inner(context, node, walk);
    unsettlePath(context);
  };

/** What a new table takes over of others: their defaults, conditions and generated columns run in it. */
export function inheritedFrom(node: TreeNode): readonly TreeNode[] {
  const list = Array.isArray(node['inhRelations']) ? node['inhRelations'] : [];
  return list.map((item) => bodyOf(item, 'RangeVar')).filter((range) => range !== undefined);
}

/** What hangs on a table that becomes part of another runs with it. */
export function attached(context: Context, command: TreeNode, subtype: string): void {
  const range =
    subtype === 'AT_AttachPartition'
      ? nodeOf(bodyOf(command['def'], 'PartitionCmd'), 'name')
      : subtype === 'AT_AddInherit'
        ? bodyOf(command['def'], 'RangeVar')
        : undefined;
  if (range === undefined) return;
  const name = targetName(context, range);
  for (const use of ['insert', 'update', 'delete'] as const) runRelation(context, name, use);
}

/** A routine of PostgreSQL's own under another name would be taken for a harmless one. */
export function isOfServer(context: Context, parts: readonly string[]): boolean {
  const [name, schema] = [parts.at(-1) ?? '', parts.at(-2)];
  if (schema !== undefined) return isCatalogue(`${schema}.${name}`);
  const known = context.catalogue?.callEffects(['pg_catalog', name], null, context.settings).known;
  return known ?? (FUNCTION_EFFECTS.has(name) || BUILTIN_FUNCTIONS.has(name));
}
