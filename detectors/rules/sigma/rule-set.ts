/** The rules in force: replaced as a whole, or not at all. Indexed so that an event only meets rules that could match it. */
import type { EventView } from '../../detector.ts';
import type { CompileResult } from './compile.ts';
import type { RuleError } from './fault.ts';
import { mayConcern, type LoadedRule } from './rule-detector.ts';

export interface RuleSet {
  /** In force now. */
  rules(): readonly LoadedRule[];
  /** Those that could match the event, in the set's order. */
  candidates(view: EventView): readonly LoadedRule[];
  /** Takes over the compiled rules unless there are errors; then the earlier ones stay, and the errors are returned. */
  replace(compiled: CompileResult): readonly RuleError[];
}

/** Kinds times combinations of actions; actions are few, so that this is hardly ever reached. */
const KEYS_MAX = 2000;

/** All that `mayConcern` looks at. */
function keyOf({ event: { body } }: EventView): string {
  if (body.kind !== 'request') return body.kind;
  const [first, ...more] = body.actions;
  if (more.length === 0) return `request ${first?.action ?? ''}`;
  return `request ${[...new Set(body.actions.map(({ action }) => action))].sort().join(' ')}`;
}

export function createRuleSet(): RuleSet {
  let rules: readonly LoadedRule[] = [];
  const byKey = new Map<string, readonly LoadedRule[]>();

  return {
    rules: () => rules,
    candidates(view) {
      const key = keyOf(view);
      let found = byKey.get(key);
      if (found === undefined) {
        if (byKey.size >= KEYS_MAX) byKey.clear();
        found = rules.filter(({ needs }) => mayConcern(needs, view));
        byKey.set(key, found);
      }
      return found;
    },
    replace({ rules: next, errors }) {
      if (errors.length > 0) return errors;
      rules = next;
      byKey.clear();
      return [];
    },
  };
}
