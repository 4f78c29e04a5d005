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

export function createRuleSet(): RuleSet {
  let rules: readonly LoadedRule[] = [];
  let byKind = new Map<string, readonly LoadedRule[]>();

  return {
    rules: () => rules,
    candidates(view) {
      const { kind } = view.event.body;
      let ofKind = byKind.get(kind);
      if (ofKind === undefined) {
        ofKind = rules.filter(({ needs }) => needs.kinds === null || needs.kinds.has(kind));
        byKind.set(kind, ofKind);
      }
      return ofKind.filter(({ needs }) => mayConcern(needs, view));
    },
    replace({ rules: next, errors }) {
      if (errors.length > 0) return errors;
      rules = next;
      byKind = new Map();
      return [];
    },
  };
}
