/** The rules in force: replaced as a whole, or not at all. Indexed so that an event only meets rules that could match it. */
import type { EventView } from '../../detector.ts';
import { CONCERN_KEYS_MAX, concernKey } from '../../engine/concern-key.ts';
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

export function createRuleSet(): RuleSet {
  let rules: readonly LoadedRule[] = [];
  const byKey = new Map<string, readonly LoadedRule[]>();

  return {
    rules: () => rules,
    candidates(view) {
      const key = concernKey(view);
      let found = byKey.get(key);
      if (found === undefined) {
        if (byKey.size >= CONCERN_KEYS_MAX) byKey.clear();
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
