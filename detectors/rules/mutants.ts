/** Small changes of a rule, one at a time. Each stands for a mistake that somebody could make when changing the rule. */
import type {
  ConditionNode,
  CorrelationRule,
  Criterion,
  FieldItem,
  PlainRule,
  Selection,
  SigmaRule,
} from './sigma/ast.ts';
import type { ParsedRule } from './sigma/compile.ts';

export interface Mutant {
  readonly name: string;
  readonly parsed: readonly ParsedRule[];
}

/** A changed part with the words for what was changed. */
type Changed<T> = readonly [what: string, changed: T];

export function* mutantsOf(parsed: readonly ParsedRule[]): Generator<Mutant> {
  for (const [index, one] of parsed.entries()) {
    const where = parsed.length > 1 ? `${one.rule.meta.name ?? one.rule.meta.title}: ` : '';
    for (const [what, rule] of changesOf(one.rule))
      yield { name: where + what, parsed: parsed.with(index, { ...one, rule }) };
  }
}

function* changesOf(rule: SigmaRule): Generator<Changed<SigmaRule>> {
  if (rule.kind === 'plain') yield* plainChanges(rule);
  else yield* correlationChanges(rule);
}

function* plainChanges(rule: PlainRule): Generator<Changed<PlainRule>> {
  for (const [what, condition] of conditionChanges(rule.condition))
    yield [`condition: ${what}`, { ...rule, condition }];
  for (const [name, selection] of rule.selections)
    for (const [what, changed] of selectionChanges(selection))
      yield [`${name}: ${what}`, { ...rule, selections: new Map([...rule.selections, [name, changed]]) }];
}

function* conditionChanges(node: ConditionNode): Generator<Changed<ConditionNode>> {
  if (node.kind === 'selection') {
    yield [`not ${node.name}`, { kind: 'not', child: node }];
    return;
  }
  if (node.kind === 'of') {
    yield [`not ${node.count ?? 'all'} of ${node.pattern}`, { kind: 'not', child: node }];
    yield [
      `${node.count === null ? 1 : 'all'} of ${node.pattern}`,
      { ...node, count: node.count === null ? 1 : null },
    ];
    return;
  }
  if (node.kind === 'not') {
    yield [`${show(node)} without not`, node.child];
    for (const [what, child] of conditionChanges(node.child)) yield [what, { kind: 'not', child }];
    return;
  }
  yield [`${show(node)} with ${other(node.kind)}`, { ...node, kind: other(node.kind) }];
  for (const [index, child] of node.children.entries()) {
    const rest = node.children.toSpliced(index, 1);
    yield [
      `${show(node)} without ${show(child)}`,
      rest.length === 1 ? rest[0]! : { ...node, children: rest },
    ];
    for (const [what, changed] of conditionChanges(child))
      yield [what, { ...node, children: node.children.with(index, changed) }];
  }
}

const other = (kind: 'and' | 'or'): 'and' | 'or' => (kind === 'and' ? 'or' : 'and');

function show(node: ConditionNode): string {
  if (node.kind === 'selection') return node.name;
  if (node.kind === 'of') return `${node.count ?? 'all'} of ${node.pattern}`;
  if (node.kind === 'not') return `not ${show(node.child)}`;
  return `(${node.children.map(show).join(` ${node.kind} `)})`;
}

function* selectionChanges(selection: Selection): Generator<Changed<Selection>> {
  if (selection.kind === 'keywords') {
    for (const [what, item] of valueChanges(selection.item)) yield [what, { kind: 'keywords', item }];
    return;
  }
  if (selection.kind === 'list') {
    for (const [index, alternative] of selection.alternatives.entries()) {
      if (selection.alternatives.length > 1)
        yield [
          `without alternative ${index + 1}`,
          { ...selection, alternatives: selection.alternatives.toSpliced(index, 1) },
        ];
      for (const [what, changed] of selectionChanges(alternative))
        yield [
          `alternative ${index + 1}: ${what}`,
          { ...selection, alternatives: selection.alternatives.with(index, changed) },
        ];
    }
    return;
  }
  for (const [index, item] of selection.items.entries()) {
    if (selection.items.length > 1)
      yield [`without ${label(item)}`, { ...selection, items: selection.items.toSpliced(index, 1) }];
    for (const [what, changed] of itemChanges(item))
      yield [what, { ...selection, items: selection.items.with(index, changed) }];
  }
}

const label = (item: FieldItem): string => [item.field, ...item.modifiers].join('|');

function* itemChanges(item: FieldItem): Generator<Changed<FieldItem>> {
  yield [`${label(item)} negated`, { ...item, negated: true }];
  yield* valueChanges(item);
  for (const [from, to] of MODIFIERS) {
    if (!item.modifiers.includes(from)) continue;
    const modifiers = item.modifiers.flatMap((name) => (name === from ? (to === null ? [] : [to]) : [name]));
    yield [`${label(item)} with ${to ?? 'no'} for ${from}`, { ...item, modifiers }];
  }
  if (item.modifiers.some((name) => /^[lg]te?$/.test(name))) {
    for (const step of [1, -1]) {
      const values = item.values.map((value) => (typeof value === 'number' ? value + step : value));
      yield [`${label(item)} ${step > 0 ? 'one more' : 'one less'}`, { ...item, values }];
    }
  }
}

/** `gte` for `gt` and the like is left out where the figures are moved by one: for whole numbers that is the same. */
const MODIFIERS: readonly (readonly [string, string | null])[] = [
  ['contains', null],
  ['startswith', 'contains'],
  ['endswith', 'contains'],
  ['all', null],
  ['gt', 'lt'],
  ['gte', 'gt'],
  ['lt', 'gt'],
  ['lte', 'lt'],
  ['cased', null],
];

function* valueChanges(item: FieldItem): Generator<Changed<FieldItem>> {
  if (item.values.length < 2) return;
  for (const [index, value] of item.values.entries())
    yield [`${label(item)} without "${value}"`, { ...item, values: item.values.toSpliced(index, 1) }];
}

function* correlationChanges(rule: CorrelationRule): Generator<Changed<CorrelationRule>> {
  yield ['half the timespan', { ...rule, timespanMs: rule.timespanMs / 2 }];
  yield ['twice the timespan', { ...rule, timespanMs: rule.timespanMs * 2 }];
  for (const [index, criterion] of rule.criteria.entries())
    for (const step of [1, -1]) {
      const changed: Criterion = { ...criterion, value: criterion.value + step };
      yield [
        `${criterion.operator} ${changed.value} for ${criterion.value}`,
        { ...rule, criteria: rule.criteria.with(index, changed) },
      ];
    }
  for (const [index, field] of rule.groupBy.entries())
    yield [`not grouped by ${field}`, { ...rule, groupBy: rule.groupBy.toSpliced(index, 1) }];
  if (rule.rules.length > 1)
    for (const [index, name] of rule.rules.entries())
      yield [`without rule ${name}`, { ...rule, rules: rule.rules.toSpliced(index, 1) }];
  if (rule.type === 'temporal_ordered')
    yield ['temporal for temporal_ordered', { ...rule, type: 'temporal' }];
  if (rule.type === 'value_count') yield ['event_count for value_count', { ...rule, type: 'event_count' }];
}
