/** Views that a command makes: what writing to them writes to. */
import type { Context } from '../context.ts';
import type { Handler } from '../handlers.ts';
import { targetName } from '../relations.ts';
import { bodyOf, listOf, type TreeNode } from '../tree.ts';

/** Relations that a view of this query passes changes on to, whatever their names may mean. */
function sourcesOf(context: Context, select: TreeNode | undefined): readonly string[] {
  const found: string[] = [];
  const gather = (source: unknown): void => {
    const range = bodyOf(source, 'RangeVar');
    if (range !== undefined) {
      const name = targetName(context, range);
      found.push(name, ...(context.alternatives.get(name) ?? []));
    }
    const join = bodyOf(source, 'JoinExpr');
    if (join !== undefined) for (const side of [join['larg'], join['rarg']]) gather(side);
  };
  for (const source of listOf(select, 'fromClause')) gather(source);
  return [...new Set(found)];
}

/** A handler that does what `inner` does, and notes what lies beneath the view that it makes. */
export const overSources =
  (inner: Handler): Handler =>
  (context, node, walk) => {
    const before = context.made.length;
    inner(context, node, walk);
    const beneath = sourcesOf(context, bodyOf(node['query'], 'SelectStmt'));
    context.made.push(...context.made.splice(before).map((one) => ({ ...one, beneath })));
  };
