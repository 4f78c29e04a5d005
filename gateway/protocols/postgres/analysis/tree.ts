/** Reading libpg_query's JSON parse tree: tagged nodes are `{Type: {...}}`, fields of a fixed type are untagged; zero values are absent. */

export type TreeNode = Readonly<Record<string, unknown>>;

export function isNode(value: unknown): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Field as node; an empty one where absent. */
export function nodeOf(node: TreeNode | undefined, field: string): TreeNode | undefined {
  const value = node?.[field];
  return isNode(value) ? value : undefined;
}

export function listOf(node: TreeNode | undefined, field: string): readonly TreeNode[] {
  const value = node?.[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

export function textOf(node: TreeNode | undefined, field: string): string | null {
  const value = node?.[field];
  return typeof value === 'string' ? value : null;
}

export function flagOf(node: TreeNode | undefined, field: string): boolean {
  return node?.[field] === true;
}

export function locationOf(node: TreeNode | undefined): number {
  const value = node?.['location'];
  return typeof value === 'number' ? value : value === undefined ? 0 : -1;
}

/** Type and body of a tagged node. */
export function tagged(value: unknown): { type: string; body: TreeNode } | undefined {
  if (!isNode(value)) return undefined;
  for (const type in value) {
    const body = value[type];
    const first = type.charCodeAt(0);
    return first >= 65 && first <= 90 && isNode(body) ? { type, body } : undefined;
  }
  return undefined;
}

/** Body where the node has that type. */
export function bodyOf(value: unknown, type: string): TreeNode | undefined {
  return isNode(value) ? nodeOf(value, type) : undefined;
}

/** Text of a String node. */
export function stringNode(value: unknown): string | null {
  return textOf(bodyOf(value, 'String'), 'sval') ?? (bodyOf(value, 'String') === undefined ? null : '');
}

/** Parts of a name: a list of String nodes, a List of them, TypeName or ObjectWithArgs. */
export function nameParts(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map(stringNode).filter((part) => part !== null);
  const node = tagged(value);
  if (node === undefined) return [];
  if (node.type === 'String') return [textOf(node.body, 'sval') ?? ''];
  if (node.type === 'List') return nameParts(node.body['items']);
  if (node.type === 'TypeName') return nameParts(node.body['names']);
  if (node.type === 'ObjectWithArgs') return nameParts(node.body['objname']);
  if (node.type === 'RoleSpec') return [roleName(node.body)];
  return [];
}

/** Name of a RoleSpec, as written or by keyword. */
export function roleName(role: TreeNode | undefined): string {
  const name = textOf(role, 'rolename');
  if (name !== null) return name;
  const kind = textOf(role, 'roletype') ?? '';
  return kind.replace('ROLESPEC_', '').toLowerCase();
}

/** DefElems by name (last wins, as PostgreSQL refuses doubles anyway). */
export function options(list: readonly TreeNode[]): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  for (const item of list) {
    const element = bodyOf(item, 'DefElem');
    const name = textOf(element, 'defname');
    if (name !== null) found.set(name.toLowerCase(), element?.['arg']);
  }
  return found;
}

/** Whether a boolean option is on: present without value, or not one of PostgreSQL's words for off. */
export function optionOn(found: ReadonlyMap<string, unknown>, name: string): boolean {
  if (!found.has(name)) return false;
  const value = tagged(found.get(name));
  if (value === undefined) return true;
  if (value.type === 'Boolean') return flagOf(value.body, 'boolval');
  if (value.type === 'Integer') return value.body['ival'] !== undefined && value.body['ival'] !== 0;
  return !['false', 'off', 'no', 'f', 'n', '0'].includes((textOf(value.body, 'sval') ?? '').toLowerCase());
}
