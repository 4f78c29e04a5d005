/** A handler adds what a node of its type does, and walks the parts that do something themselves. */
import type { Context } from './context.ts';
import type { TreeNode } from './tree.ts';

export type Walk = (value: unknown) => void;
export type Handler = (context: Context, node: TreeNode, walk: Walk) => void;
export type Handlers = Readonly<Record<string, Handler>>;
