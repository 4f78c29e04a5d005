/**
 * What an event must have for a rule to match at all, read off the rule: the kinds of event and the actions. An event then
 * only meets the rules that could match it.
 */
import { fieldPath } from '../fields.ts';
import type { ConditionNode, FieldItem, PlainRule, Selection } from './ast.ts';
import { namesOf } from './selection.ts';

/** Values that one of the field's must equal, in lower case; null where the rule does not say. */
type Required = ReadonlySet<string> | null;

export interface Needs {
  readonly kinds: Required;
  readonly actions: Required;
}

export function needsOf(rule: PlainRule): Needs {
  const actions = fromCondition(rule.condition, rule, 'body.actions.action');
  const kinds = fromCondition(rule.condition, rule, 'body.kind');
  return { kinds: kinds ?? (actions === null ? null : new Set(['request'])), actions };
}

const PLAIN = new Set(['cased']);

function fromItem(item: FieldItem, path: string): Required {
  const wild = item.values.some((value) => typeof value !== 'string' || /[*?\\]/.test(value));
  if (fieldPath(item.field) !== path || item.negated === true || wild) return null;
  if (!item.modifiers.every((name) => PLAIN.has(name))) return null;
  return new Set(item.values.map((value) => String(value).toLowerCase()));
}

function fromSelection(selection: Selection, path: string): Required {
  if (selection.kind === 'keywords') return null;
  if (selection.kind === 'list')
    return union(selection.alternatives.map((alternative) => fromSelection(alternative, path)));
  return smallest(selection.items.map((item) => fromItem(item, path)));
}

function fromCondition(node: ConditionNode, rule: PlainRule, path: string): Required {
  switch (node.kind) {
    case 'and':
      return smallest(node.children.map((child) => fromCondition(child, rule, path)));
    case 'or':
      return union(node.children.map((child) => fromCondition(child, rule, path)));
    case 'not':
      return null;
    case 'selection': {
      const selection = rule.selections.get(node.name);
      return selection === undefined ? null : fromSelection(selection, path);
    }
    default: {
      const names = namesOf(node.pattern, [...rule.selections.keys()]);
      const each = names.map((name) => fromSelection(rule.selections.get(name)!, path));
      return node.count === null ? smallest(each) : union(each);
    }
  }
}

function union(each: readonly Required[]): Required {
  if (each.length === 0 || each.includes(null)) return null;
  return new Set(each.flatMap((set) => [...(set ?? [])]));
}

/** Of several that all hold, the one that lets the fewest pass. */
function smallest(each: readonly Required[]): Required {
  return each.reduce(
    (best, set) => (set !== null && (best === null || set.size < best.size) ? set : best),
    null,
  );
}
