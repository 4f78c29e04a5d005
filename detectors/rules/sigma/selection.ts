/** Compiles selections and conditions to closures. */
import type { EventView, FactValue } from '../../detector.ts';
import { fieldReader } from '../fields.ts';
import type { ConditionNode, FieldItem, PlainRule, Selection } from './ast.ts';
import { RuleFault } from './fault.ts';
import type { Scalar } from './tree.ts';
import { checkModifiers, compileValue, type ValueTest } from './value-test.ts';

export type Predicate = (view: EventView) => boolean;

/** Values of `%name%` for the modifier `expand`. */
export type Placeholders = Readonly<Record<string, readonly string[]>>;

/** Where keywords (values without a field) are sought. */
const KEYWORD_FIELDS = [
  'request.text',
  'request.object',
  'response.tag',
  'response.error_message',
  'body.reason',
  'client.tool',
];

export function compileRule(rule: PlainRule, placeholders: Placeholders): Predicate {
  const compiled = new Map<string, Predicate>();
  for (const [name, selection] of rule.selections)
    compiled.set(name, compileSelection(selection, placeholders));
  return compileCondition(rule.condition, compiled, rule.conditionLine);
}

function compileCondition(
  node: ConditionNode,
  selections: ReadonlyMap<string, Predicate>,
  line: number,
): Predicate {
  switch (node.kind) {
    case 'and': {
      const children = node.children.map((child) => compileCondition(child, selections, line));
      return (view) => children.every((child) => child(view));
    }
    case 'or': {
      const children = node.children.map((child) => compileCondition(child, selections, line));
      return (view) => children.some((child) => child(view));
    }
    case 'not': {
      const child = compileCondition(node.child, selections, line);
      return (view) => !child(view);
    }
    case 'selection': {
      const found = selections.get(node.name);
      if (found === undefined)
        throw new RuleFault('SIGMA_REFERENCE', line, `there is no selection "${node.name}"`);
      return found;
    }
    default: {
      const children = namesOf(node.pattern, [...selections.keys()]).map((name) => selections.get(name)!);
      if (children.length === 0)
        throw new RuleFault('SIGMA_REFERENCE', line, `no selection is called like "${node.pattern}"`);
      const count = node.count ?? children.length;
      if (count > children.length)
        throw new RuleFault(
          'SIGMA_CONDITION',
          line,
          `"${count} of ${node.pattern}" of only ${children.length} selections`,
        );
      return (view) => {
        let hits = 0;
        for (const child of children) if (child(view) && ++hits >= count) return true;
        return false;
      };
    }
  }
}

/** Selections that a quantifier names; `them` leaves out those that begin with an underscore. */
export function namesOf(pattern: string, names: readonly string[]): string[] {
  if (pattern.toLowerCase() === 'them') return names.filter((name) => !name.startsWith('_'));
  const parts = pattern.split('*').map((part) => part.replace(/[.]/g, '\\.'));
  const regex = new RegExp(`^${parts.join('.*')}$`);
  return names.filter((name) => regex.test(name));
}

/** Items of a map must all hold, so that their order is free: what costs little and mostly fails goes first. */
function costOf({ field, modifiers }: FieldItem): number {
  if (field.startsWith('facts.')) return 0;
  if (modifiers.includes('re')) return 4;
  if (field === 'request.text' || field === 'request.step') return 3;
  return modifiers.length === 0 ? 1 : 2;
}

function compileSelection(selection: Selection, placeholders: Placeholders): Predicate {
  if (selection.kind === 'map') {
    const cheapFirst = [...selection.items].sort((a, b) => costOf(a) - costOf(b));
    const items = cheapFirst.map((item) => compileItem(item, placeholders));
    return (view) => items.every((item) => item(view));
  }
  if (selection.kind === 'list') {
    const alternatives = selection.alternatives.map((alternative) =>
      compileSelection(alternative, placeholders),
    );
    return (view) => alternatives.some((alternative) => alternative(view));
  }
  const item = { ...selection.item, modifiers: ['contains', ...selection.item.modifiers] };
  const test = compileTests(item, placeholders);
  const readers = KEYWORD_FIELDS.map(fieldReader);
  return (view) => test(readers.flatMap((read) => read(view)));
}

function compileItem(item: FieldItem, placeholders: Placeholders): Predicate {
  checkModifiers(item);
  const test = compileFieldTest(item, placeholders);
  const negated = item.modifiers.includes('neq') !== (item.negated ?? false);
  return negated ? (view) => !test(view) : test;
}

function compileFieldTest(item: FieldItem, placeholders: Placeholders): Predicate {
  const read = fieldReader(item.field);
  if (item.modifiers.includes('exists')) {
    const [wanted] = item.values;
    if (typeof wanted !== 'boolean')
      throw new RuleFault('SIGMA_INVALID', item.line, '"exists" needs true or false');
    return (view) => read(view).some((value) => value !== null) === wanted;
  }
  if (item.modifiers.includes('fieldref')) return compileFieldReference(item);
  const test = compileTests(item, placeholders);
  return (view) => test(read(view));
}

/** Compares with the values of another field; `contains`, `startswith`, `endswith`, `cased` and comparisons apply. */
function compileFieldReference(item: FieldItem): Predicate {
  const read = fieldReader(item.field);
  const others = item.values.map((value) => fieldReader(String(value)));
  const has = (name: string): boolean => item.modifiers.includes(name);
  const fold = (value: FactValue): string => (has('cased') ? String(value) : String(value).toLowerCase());
  const matches = (value: FactValue, other: FactValue): boolean => {
    if (has('lt')) return Number(value) < Number(other);
    if (has('lte')) return Number(value) <= Number(other);
    if (has('gt')) return Number(value) > Number(other);
    if (has('gte')) return Number(value) >= Number(other);
    if (has('contains')) return fold(value).includes(fold(other));
    if (has('startswith')) return fold(value).startsWith(fold(other));
    return has('endswith') ? fold(value).endsWith(fold(other)) : fold(value) === fold(other);
  };
  return (view) => {
    const values = read(view).filter((value) => value !== null);
    const test = (reader: (view: EventView) => readonly FactValue[]): boolean =>
      reader(view).some((other) => other !== null && values.some((value) => matches(value, other)));
    return has('all') ? others.every(test) : others.some(test);
  };
}

/** The values where each is a word to be equal to, in lower case: one look instead of a test for each. */
function plainWords({ modifiers }: FieldItem, values: readonly Scalar[]): ReadonlySet<string> | null {
  if (modifiers.length > 0) return null;
  const words = new Set<string>();
  for (const value of values) {
    if (typeof value !== 'string' || /[*?\\]/.test(value)) return null;
    words.add(value.toLowerCase());
  }
  return words;
}

const folded = (value: FactValue): string =>
  typeof value === 'string' ? value.toLowerCase() : String(value);

function compileTests(
  item: FieldItem,
  placeholders: Placeholders,
): (values: readonly FactValue[]) => boolean {
  const values = item.modifiers.includes('expand') ? expand(item, placeholders) : item.values;
  const words = plainWords(item, values);
  if (words !== null) return (found) => found.some((value) => value !== null && words.has(folded(value)));
  const tests = values.map((value) => ({ test: compileValue(item, value), wantsNull: value === null }));
  const all = item.modifiers.includes('all');
  const wantsAnyNull = tests.some(({ wantsNull }) => wantsNull);
  const holds = (
    { test, wantsNull }: { test: ValueTest; wantsNull: boolean },
    found: readonly FactValue[],
    lower: readonly string[],
  ): boolean =>
    wantsNull
      ? found.every((value) => value === null)
      : found.some((value, index) => test(value, lower[index]!));
  return (found) => {
    if (found.length === 0 && !wantsAnyNull) return false;
    const lower = found.map(folded);
    return all
      ? tests.every((test) => holds(test, found, lower))
      : tests.some((test) => holds(test, found, lower));
  };
}

function expand(item: FieldItem, placeholders: Placeholders): Scalar[] {
  return item.values.flatMap((value): Scalar[] => {
    const text = String(value);
    const name = /%(\w+)%/.exec(text)?.[1];
    if (name === undefined) return [value];
    const found = placeholders[name];
    if (found === undefined)
      throw new RuleFault('SIGMA_REFERENCE', item.line, `there is no placeholder "${name}"`);
    return found.map((replacement) => text.replace(`%${name}%`, replacement));
  });
}
