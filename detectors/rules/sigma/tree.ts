/** YAML as a tree that remembers its lines, so that every mistake can be named with its line. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Node } from 'yaml';
import { RuleFault } from './fault.ts';

export type Scalar = string | number | boolean | null;

export interface MapTree {
  readonly kind: 'map';
  readonly line: number;
  readonly entries: readonly MapEntry[];
}
export interface MapEntry {
  readonly key: string;
  readonly line: number;
  readonly value: Tree;
}
export interface ListTree {
  readonly kind: 'list';
  readonly line: number;
  readonly items: readonly Tree[];
}
export interface ScalarTree {
  readonly kind: 'scalar';
  readonly line: number;
  readonly value: Scalar;
}
export type Tree = MapTree | ListTree | ScalarTree;

const DEPTH_MAX = 32;

/** All documents of a file; empty documents are skipped. Faults: SIGMA_YAML, SIGMA_UNSUPPORTED (aliases). */
export function readTrees(text: string): Tree[] {
  const lines = new LineCounter();
  // uniqueKeys is yaml's default: a key given twice is an error, not a silent winner.
  const documents = parseAllDocuments(text, { lineCounter: lines, merge: false });
  const trees: Tree[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const [error] = document.errors;
    if (error !== undefined)
      throw new RuleFault(
        'SIGMA_YAML',
        lines.linePos(error.pos[0]).line,
        error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
      );
    if (document.contents !== null) trees.push(toTree(document.contents, lines, 0));
  }
  return trees;
}

function toTree(node: Node | null, lines: LineCounter, depth: number): Tree {
  const line = node?.range ? lines.linePos(node.range[0]).line : 1;
  if (depth > DEPTH_MAX) throw new RuleFault('SIGMA_LIMIT', line, `nested deeper than ${DEPTH_MAX}`);
  if (isMap(node))
    return {
      kind: 'map',
      line,
      entries: node.items.map((pair) => {
        const key = toTree(pair.key as Node, lines, depth + 1);
        if (key.kind !== 'scalar') throw new RuleFault('SIGMA_YAML', line, 'a key must be a plain word');
        return {
          key: String(key.value),
          line: key.line,
          value:
            pair.value === null
              ? { kind: 'scalar', line: key.line, value: null }
              : toTree(pair.value as Node, lines, depth + 1),
        };
      }),
    };
  if (isSeq(node))
    return { kind: 'list', line, items: node.items.map((item) => toTree(item as Node, lines, depth + 1)) };
  if (isAlias(node)) throw new RuleFault('SIGMA_UNSUPPORTED', line, 'YAML aliases');
  if (!isScalar(node)) return { kind: 'scalar', line, value: null };
  const value = node.value;
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return { kind: 'scalar', line, value };
  throw new RuleFault('SIGMA_YAML', line, 'a value of an unknown kind');
}

export function entry(tree: MapTree, key: string): MapEntry | undefined {
  return tree.entries.find((candidate) => candidate.key === key);
}

/** The tree as a plain value. */
export function toValue(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(toValue);
  return Object.fromEntries(tree.entries.map(({ key, value }) => [key, toValue(value)]));
}

export function asMap(tree: Tree, what: string): MapTree {
  if (tree.kind !== 'map') throw new RuleFault('SIGMA_INVALID', tree.line, `${what} must be a map`);
  return tree;
}

/** A text of a map; required unless `fallback` is given. */
export function textOf(tree: MapTree, key: string, fallback?: string): string {
  const found = entry(tree, key);
  if (found === undefined) {
    if (fallback !== undefined) return fallback;
    throw new RuleFault('SIGMA_INVALID', tree.line, `"${key}" is missing`);
  }
  if (found.value.kind !== 'scalar' || found.value.value === null)
    throw new RuleFault('SIGMA_INVALID', found.line, `"${key}" must be a text`);
  return String(found.value.value);
}

/** A list of texts; one text counts as a list of one; absent is empty. */
export function textsOf(tree: MapTree, key: string): string[] {
  const found = entry(tree, key);
  if (found === undefined) return [];
  const items = found.value.kind === 'list' ? found.value.items : [found.value];
  return items.map((item) => {
    if (item.kind !== 'scalar' || item.value === null)
      throw new RuleFault('SIGMA_INVALID', item.line, `"${key}" must be a list of texts`);
    return String(item.value);
  });
}
