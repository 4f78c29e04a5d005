/** The block `correlation` (Sigma correlation rules specification 2.1.0). */
import type { CorrelationRule, CorrelationType, Criterion, RuleMeta } from './ast.ts';
import { RuleFault } from './fault.ts';
import { asMap, entry, textOf, textsOf, type MapTree } from './tree.ts';

const TYPES: readonly CorrelationType[] = [
  'event_count',
  'value_count',
  'value_sum',
  'value_avg',
  'value_percentile',
  'value_median',
  'temporal',
  'temporal_ordered',
];
const FIELDS: ReadonlySet<string> = new Set([
  'type',
  'rules',
  'aliases',
  'group-by',
  'timespan',
  'condition',
  'generate',
]);
const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const TIMESPAN_MAX_MS = 31 * 86_400_000;
/** State holds so many events for one identity and rule; a count over half of that could be missed. */
export const COUNT_MAX = 250;

export function parseCorrelation(block: MapTree, meta: RuleMeta, document: MapTree): CorrelationRule {
  for (const { key, line } of block.entries)
    if (!FIELDS.has(key))
      throw new RuleFault('SIGMA_INVALID', line, `"${key}" is not a field of a correlation`);
  const type = textOf(block, 'type') as CorrelationType;
  if (!TYPES.includes(type))
    throw new RuleFault('SIGMA_UNSUPPORTED', entry(block, 'type')!.line, `correlation type "${type}"`);
  const rules = textsOf(block, 'rules');
  const temporal = type.startsWith('temporal');
  if (rules.length < (temporal ? 2 : 1))
    throw new RuleFault(
      'SIGMA_INVALID',
      block.line,
      temporal ? 'a temporal correlation needs at least two rules' : '"rules" is missing',
    );
  const condition = parseCriteria(block, temporal);
  if (type.startsWith('value_') && condition.field === null)
    throw new RuleFault(
      'SIGMA_INVALID',
      entry(block, 'condition')!.line,
      `"${type}" needs "field" in its condition`,
    );
  return {
    kind: 'correlation',
    meta,
    type,
    rules,
    groupBy: textsOf(block, 'group-by'),
    timespanMs: parseTimespan(block),
    aliases: parseAliases(block),
    ...condition,
    generate: textOf(block, 'generate', textOf(document, 'generate', 'false')) === 'true',
  };
}

function parseTimespan(block: MapTree): number {
  const text = textOf(block, 'timespan');
  const line = entry(block, 'timespan')!.line;
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  if (match === null)
    throw new RuleFault('SIGMA_INVALID', line, `timespan "${text}" is not like 90s, 10m, 2h or 1d`);
  const ms = Number(match[1]) * UNITS_MS[match[2]!]!;
  if (ms === 0 || ms > TIMESPAN_MAX_MS)
    throw new RuleFault('SIGMA_LIMIT', line, 'a timespan must be between 1s and 31d');
  return ms;
}

interface Condition {
  readonly criteria: readonly Criterion[];
  readonly field: string | null;
  readonly percentile: number;
}

function parseCriteria(block: MapTree, temporal: boolean): Condition {
  const found = entry(block, 'condition');
  if (found === undefined) {
    if (temporal) return { criteria: [], field: null, percentile: 50 };
    throw new RuleFault('SIGMA_INVALID', block.line, '"condition" is missing');
  }
  if (found.value.kind === 'scalar')
    throw new RuleFault('SIGMA_UNSUPPORTED', found.line, 'extended conditions of temporal correlations');
  const map = asMap(found.value, '"condition"');
  const criteria: Criterion[] = [];
  for (const { key, line } of map.entries) {
    if (key === 'field' || key === 'percentile') continue;
    if (key !== 'gt' && key !== 'gte' && key !== 'lt' && key !== 'lte' && key !== 'eq')
      throw new RuleFault('SIGMA_UNSUPPORTED', line, `"${key}" in a correlation's condition`);
    const value = Number(textOf(map, key));
    if (!Number.isFinite(value)) throw new RuleFault('SIGMA_INVALID', line, `"${key}" needs a number`);
    criteria.push({ operator: key, value });
  }
  checkCriteria(block, criteria, found.line);
  const percentile = Number(textOf(map, 'percentile', '50'));
  if (!(percentile >= 0 && percentile <= 100))
    throw new RuleFault('SIGMA_INVALID', found.line, '"percentile" must be 0 to 100');
  return { criteria, field: textOf(map, 'field', '') || null, percentile };
}

function checkCriteria(block: MapTree, criteria: readonly Criterion[], line: number): void {
  if (!criteria.some(({ operator }) => operator === 'gt' || operator === 'gte' || operator === 'eq'))
    throw new RuleFault(
      'SIGMA_UNSUPPORTED',
      line,
      'a correlation needs gt, gte or eq: what stays away cannot be seen when an event arrives',
    );
  const counts = textOf(block, 'type').endsWith('_count');
  if (counts && criteria.some(({ value }) => value > COUNT_MAX))
    throw new RuleFault('SIGMA_LIMIT', line, `a count over ${COUNT_MAX}`);
}

function parseAliases(block: MapTree): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const found = entry(block, 'aliases');
  if (found === undefined) return new Map();
  return new Map(
    asMap(found.value, '"aliases"').entries.map(({ key, value }) => {
      const fields = asMap(value, 'an alias');
      return [key, new Map(fields.entries.map((field) => [field.key, textOf(fields, field.key)]))];
    }),
  );
}
