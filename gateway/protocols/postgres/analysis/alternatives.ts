/** Names that the path alone does not resolve: a command counts as touching everything that they may mean. */
import type { Action } from '../../../../schemas/types.ts';
import { ACTIONS_MAX, opaque, type Context } from './context.ts';
import type { ObjectResolver } from './objects.ts';

/** A path of more schemas than that says nothing any more. */
const ALTERNATIVES_MAX = 16;

/** The resolver, which notes what else each unqualified name may be. */
export function noteAlternatives(
  resolver: ObjectResolver,
  found: Map<string, readonly string[]>,
): ObjectResolver {
  const note: (name: string, resolved: string, settings: Context['settings']) => void = (
    name,
    resolved,
    settings,
  ) => {
    const others = resolver.alternatives(name, settings);
    if (others.length > 0) found.set(resolved, others);
  };
  return {
    version: resolver.version,
    alternatives: (name, settings) => resolver.alternatives(name, settings),
    relation(schema, name, settings) {
      const resolved = resolver.relation(schema, name, settings);
      if (schema === null) note(name, resolved, settings);
      return resolved;
    },
    other(parts, settings) {
      const resolved = resolver.other(parts, settings);
      if (parts.length === 1) note(parts[0]!, resolved, settings);
      return resolved;
    },
  };
}

/** Adds each action once more for each object that its own may be. */
export function addAlternatives(context: Context): void {
  const { alternatives, actions } = context;
  if (alternatives.size === 0) return;
  const more: Action[] = [];
  for (const action of actions) {
    const others = action.object === null ? undefined : alternatives.get(action.object);
    if (others === undefined) continue;
    if (others.length > ALTERNATIVES_MAX || actions.length + more.length + others.length > ACTIONS_MAX)
      return opaque(context, 'search_path', 'too many schemas');
    for (const object of others)
      if (!actions.some((one) => one.action === action.action && one.object === object))
        more.push({ ...action, object, columns: [...action.columns] });
  }
  actions.push(...more);
}
