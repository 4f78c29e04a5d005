/** PATCH of SCIM (RFC 7644, section 3.5.2): add, replace, remove, with a path, a value filter, or neither. */
import type { JsonObject } from '../../../platform/control-store/control-store.ts';
import { namesOfPath, parseFilter, type ScimFilter } from './filter.ts';

export interface PatchOperation {
  readonly op: string;
  readonly path?: string;
  readonly value?: unknown;
}

type Tree = Record<string, unknown>;
interface Place {
  readonly names: readonly string[];
  /** Which entries of the list are meant. */
  readonly filter?: ScimFilter;
  /** What of them. */
  readonly inner?: string;
  /** Comparisons of the filter, for an entry that has to be made. */
  readonly made?: Tree;
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Names know no case; one that is not there is spelt as it comes. */
const keyOf = (tree: Tree, name: string): string =>
  Object.keys(tree).find((key) => key.toLowerCase() === name.toLowerCase()) ?? name;

function placeOf(path: string): Place | undefined {
  const match = /^([A-Za-z$][\w.:$-]*)(?:\[([^\]]{1,1000})\](?:\.([A-Za-z$][\w$-]*))?)?$/.exec(path.trim());
  if (match === null) return undefined;
  const names = namesOfPath(match[1]!);
  if (names.length > 2) return undefined;
  if (match[2] === undefined) return { names };
  const filter = parseFilter(match[2]);
  if (filter === undefined) return undefined;
  const simple = /^\s*(\w+)\s+eq\s+"((?:[^"\\]|\\.)*)"\s*$/i.exec(match[2]);
  return {
    names,
    filter,
    ...(match[3] === undefined ? {} : { inner: match[3] }),
    ...(simple === null ? {} : { made: { [simple[1]!]: JSON.parse(`"${simple[2]!}"`) as string } }),
  };
}

const listOf = (value: unknown): unknown[] =>
  Array.isArray(value) ? (value as unknown[]) : value === undefined ? [] : [value];
const same = (one: unknown, other: unknown): boolean =>
  isTree(one) && isTree(other) && one['value'] !== undefined
    ? one['value'] === other['value']
    : JSON.stringify(one) === JSON.stringify(other);

/** Adds to lists what is not there yet, sets everything else. */
function put(tree: Tree, name: string, value: unknown, isAdd: boolean): void {
  // The prototype of all objects is nobody's attribute.
  if (name === '__proto__') return;
  const key = keyOf(tree, name);
  const before = tree[key];
  if (isAdd && Array.isArray(before)) {
    const added = listOf(value).filter((one) => !before.some((known) => same(known, one)));
    tree[key] = [...(before as unknown[]), ...added];
  } else if (isTree(before) && isTree(value))
    for (const [inner, one] of Object.entries(value)) put(before, inner, one, isAdd);
  else tree[key] = value;
}

function change(tree: Tree, { names, filter, inner, made }: Place, operation: PatchOperation): boolean {
  const op = operation.op.toLowerCase();
  const [name, ...rest] = names;
  const key = keyOf(tree, name!);
  if (rest.length > 0) {
    if (!isTree(tree[key])) {
      if (op === 'remove') return true;
      tree[key] = {};
    }
    return change(tree[key] as Tree, { names: rest, ...(filter === undefined ? {} : { filter }) }, operation);
  }
  if (filter === undefined) {
    if (op !== 'remove') put(tree, key, operation.value, op === 'add');
    // Some providers remove single members by value instead of a filter.
    else if (operation.value !== undefined && Array.isArray(tree[key]))
      tree[key] = tree[key].filter((one) => !listOf(operation.value).some((gone) => same(one, gone)));
    else delete tree[key];
    return true;
  }
  const list = listOf(tree[key]);
  const hit = list.filter((one) => filter(one));
  if (op === 'remove') {
    if (inner === undefined) tree[key] = list.filter((one) => !hit.includes(one));
    else for (const one of hit) if (isTree(one)) delete one[keyOf(one, inner)];
    return true;
  }
  if (hit.length === 0) {
    // Providers set what is not there yet as if it were (emails[type eq "work"].value).
    if (made === undefined || inner === undefined) return false;
    tree[key] = [...list, { ...made, [inner]: operation.value }];
    return true;
  }
  for (const one of hit) {
    if (!isTree(one)) return false;
    if (inner !== undefined) put(one, inner, operation.value, op === 'add');
    else if (isTree(operation.value)) Object.assign(one, operation.value);
    else return false;
  }
  return true;
}

/** The resource as it is then; undefined where an operation makes no sense, and then nothing is changed. */
export function patched(resource: JsonObject, operations: readonly PatchOperation[]): JsonObject | undefined {
  const tree = structuredClone(resource) as Tree;
  for (const operation of operations) {
    const op = operation.op.toLowerCase();
    if (op !== 'add' && op !== 'replace' && op !== 'remove') return undefined;
    if (operation.path === undefined || operation.path === '') {
      if (op === 'remove' || !isTree(operation.value)) return undefined;
      for (const [path, value] of Object.entries(operation.value)) {
        const place = placeOf(path);
        if (place === undefined || !change(tree, place, { op, value })) return undefined;
      }
      continue;
    }
    const place = placeOf(operation.path);
    if (place === undefined || !change(tree, place, operation)) return undefined;
  }
  return tree as JsonObject;
}
