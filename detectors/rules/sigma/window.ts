/** Does any window that holds the new entry satisfy the correlation? Entries are in event time. */
import type { CorrelationRule, Criterion } from './ast.ts';

export interface Entry {
  /** Event time, milliseconds. */
  readonly t: number;
  readonly id: string;
  /** Index into the correlation's rules. */
  readonly r: number;
  /** Value of the condition's field. */
  readonly v?: string | number;
}

export interface Hit {
  /** Count, distinct values, sum, ... */
  readonly measure: number;
  /** The window's entries, oldest first. */
  readonly entries: readonly Entry[];
}

/** Looks at each window (end - timespan, end] that holds `added`, the oldest first. `entries` are sorted by time. */
export function findWindow(rule: CorrelationRule, entries: readonly Entry[], added: Entry): Hit | null {
  let from = 0;
  for (let to = 0; to < entries.length; to++) {
    const end = entries[to]!.t;
    if (end < added.t) continue;
    if (end - rule.timespanMs >= added.t) break;
    // Entries of the same millisecond belong to the same window.
    if (entries[to + 1]?.t === end) continue;
    while (entries[from]!.t <= end - rule.timespanMs) from++;
    const inside = entries.slice(from, to + 1);
    const measure = measureOf(rule, inside);
    if (measure !== null && satisfies(rule, measure)) return { measure, entries: inside };
  }
  return null;
}

function satisfies(rule: CorrelationRule, measure: number): boolean {
  // A temporal correlation without a condition wants all of its rules.
  if (rule.criteria.length === 0) return measure >= rule.rules.length;
  return rule.criteria.every((criterion) => holds(criterion, measure));
}

function holds({ operator, value }: Criterion, measure: number): boolean {
  switch (operator) {
    case 'gt':
      return measure > value;
    case 'gte':
      return measure >= value;
    case 'lt':
      return measure < value;
    case 'lte':
      return measure <= value;
    default:
      return measure === value;
  }
}

function measureOf(rule: CorrelationRule, entries: readonly Entry[]): number | null {
  const numbers = (): number[] => entries.map(({ v }) => Number(v)).filter((value) => !Number.isNaN(value));
  switch (rule.type) {
    case 'event_count':
      return entries.length;
    case 'value_count':
      return new Set(entries.map(({ v }) => v)).size;
    case 'value_sum':
      return sum(numbers());
    case 'value_avg': {
      const all = numbers();
      return all.length === 0 ? null : sum(all) / all.length;
    }
    case 'value_median':
      return percentileOf(numbers(), 50);
    case 'value_percentile':
      return percentileOf(numbers(), rule.percentile);
    case 'temporal':
      return new Set(entries.map(({ r }) => r)).size;
    default:
      return longestOrder(entries, rule.rules.length);
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, value) => total + value, 0);

/** Nearest rank. */
function percentileOf(numbers: readonly number[], percentile: number): number | null {
  if (numbers.length === 0) return null;
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percentile / 100) * sorted.length) - 1)]!;
}

/** How many of the rules, from the first on, were met in their order. */
function longestOrder(entries: readonly Entry[], rules: number): number {
  let next = 0;
  for (const { r } of entries) if (next < rules && r === next) next++;
  return next;
}
