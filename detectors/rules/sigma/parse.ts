/** From a YAML document to a rule (Sigma rules specification 2.1.0). */
import type { Severity } from '../../../schemas/types.ts';
import type { ConditionNode, FieldItem, PlainRule, RuleMeta, Selection, SigmaRule } from './ast.ts';
import { parseCondition } from './condition.ts';
import { parseCorrelation } from './parse-correlation.ts';
import { RuleFault } from './fault.ts';
import { asMap, entry, textOf, textsOf, type MapTree, type Scalar, type Tree } from './tree.ts';

const LEVELS: Readonly<Record<Severity, number>> = {
  informational: 5,
  low: 15,
  medium: 35,
  high: 55,
  critical: 75,
};
const STATUSES = ['stable', 'test', 'experimental', 'deprecated', 'unsupported'];
/** Top-level fields: those of the specification and our own; others are an error, since a misspelt field must not be passed over. */
const TOP_LEVEL: ReadonlySet<string> = new Set(
  `title id name related taxonomy status description license author references date
  modified logsource detection correlation fields falsepositives level tags scope generate countersign`.split(
    /\s+/,
  ),
);
const OURS: ReadonlySet<string> = new Set([
  'risk',
  'reason',
  'runbook',
  'blind_spots',
  'cases',
  'equivalent',
]);
const VALUES_MAX = 1000;

/** Reads one document. Faults: SIGMA_INVALID, SIGMA_CONDITION, SIGMA_UNSUPPORTED, SIGMA_LIMIT. */
export function parseRule(tree: Tree, file: string): SigmaRule {
  const map = asMap(tree, 'a rule');
  for (const { key, line } of map.entries)
    if (!TOP_LEVEL.has(key)) throw new RuleFault('SIGMA_INVALID', line, `"${key}" is not a field of a rule`);
  if (entry(map, 'action') !== undefined)
    throw new RuleFault('SIGMA_UNSUPPORTED', map.line, 'collections ("action")');
  const meta = parseMeta(map, file);
  const correlation = entry(map, 'correlation');
  if (correlation !== undefined)
    return parseCorrelation(asMap(correlation.value, '"correlation"'), meta, map);
  checkLogsource(map);
  return parsePlain(map, meta);
}

function parseMeta(map: MapTree, file: string): RuleMeta {
  const level = textOf(map, 'level', 'medium');
  if (!(level in LEVELS))
    throw new RuleFault(
      'SIGMA_INVALID',
      entry(map, 'level')!.line,
      `level "${level}" is not one of ${Object.keys(LEVELS).join(', ')}`,
    );
  const status = textOf(map, 'status', 'experimental');
  if (!STATUSES.includes(status))
    throw new RuleFault(
      'SIGMA_INVALID',
      entry(map, 'status')!.line,
      `status "${status}" is not one of ${STATUSES.join(', ')}`,
    );
  const severity = level as Severity;
  const block = entry(map, 'countersign');
  const ours = block === undefined ? undefined : asMap(block.value, '"countersign"');
  for (const { key, line } of ours?.entries ?? [])
    if (!OURS.has(key))
      throw new RuleFault('SIGMA_INVALID', line, `"${key}" is not a field of "countersign"`);
  const title = textOf(map, 'title', '') || textOf(map, 'name');
  if (title.length > 256) throw new RuleFault('SIGMA_LIMIT', map.line, 'a title over 256 characters');
  return {
    file,
    line: map.line,
    title,
    id: textOf(map, 'id', '') || null,
    name: textOf(map, 'name', '') || null,
    tags: textsOf(map, 'tags'),
    severity,
    risk: ours === undefined ? LEVELS[severity] : riskOf(ours, LEVELS[severity]),
    reason: ours === undefined ? title : textOf(ours, 'reason', title),
    runbook: ours === undefined ? null : textOf(ours, 'runbook', '') || null,
    ours: ours !== undefined,
  };
}

function riskOf(ours: MapTree, fallback: number): number {
  const risk = Number(textOf(ours, 'risk', String(fallback)));
  if (!(risk >= 0 && risk <= 100))
    throw new RuleFault('SIGMA_INVALID', entry(ours, 'risk')!.line, '"risk" must be 0 to 100');
  return risk;
}

function checkLogsource(map: MapTree): void {
  const found = entry(map, 'logsource');
  if (found === undefined) throw new RuleFault('SIGMA_INVALID', map.line, '"logsource" is missing');
  const product = textOf(asMap(found.value, '"logsource"'), 'product', '');
  if (product !== 'countersign')
    throw new RuleFault(
      'SIGMA_UNSUPPORTED',
      found.line,
      `log source "${product}"; only product: countersign`,
    );
}

function parsePlain(map: MapTree, meta: RuleMeta): PlainRule {
  const detection = entry(map, 'detection');
  if (detection === undefined) throw new RuleFault('SIGMA_INVALID', map.line, '"detection" is missing');
  const body = asMap(detection.value, '"detection"');
  const selections = new Map<string, Selection>();
  for (const { key, line, value } of body.entries) {
    if (key === 'timeframe')
      throw new RuleFault(
        'SIGMA_UNSUPPORTED',
        line,
        '"timeframe" (deprecated in Sigma); write a correlation rule',
      );
    if (key !== 'condition') selections.set(key, parseSelection(value));
  }
  const condition = entry(body, 'condition');
  if (condition === undefined) throw new RuleFault('SIGMA_INVALID', body.line, '"condition" is missing');
  const texts = textsOf(body, 'condition');
  if (texts.length === 0 || selections.size === 0)
    throw new RuleFault('SIGMA_INVALID', condition.line, 'a detection needs selections and a condition');
  const nodes = texts.map((text) => parseCondition(text, condition.line));
  const node: ConditionNode = nodes.length === 1 ? nodes[0]! : { kind: 'or', children: nodes };
  return { kind: 'plain', meta, selections, condition: node, conditionLine: condition.line };
}

function parseSelection(tree: Tree): Selection {
  if (tree.kind === 'map') {
    if (tree.entries.length === 0)
      throw new RuleFault('SIGMA_INVALID', tree.line, 'a selection without fields');
    return { kind: 'map', items: tree.entries.map(({ key, line, value }) => parseItem(key, line, value)) };
  }
  const items = tree.kind === 'list' ? tree.items : [tree];
  if (items.length === 0) throw new RuleFault('SIGMA_INVALID', tree.line, 'an empty selection');
  if (items.every((item) => item.kind === 'scalar'))
    return {
      kind: 'keywords',
      item: { field: '', modifiers: [], values: items.map(scalarOf), line: tree.line },
    };
  return { kind: 'list', alternatives: items.map(parseSelection) };
}

function parseItem(key: string, line: number, value: Tree): FieldItem {
  const [field = '', ...modifiers] = key.split('|');
  const values = (value.kind === 'list' ? value.items : [value]).map(scalarOf);
  if (values.length === 0) throw new RuleFault('SIGMA_INVALID', line, `"${key}" has no values`);
  if (values.length > VALUES_MAX) throw new RuleFault('SIGMA_LIMIT', line, `over ${VALUES_MAX} values`);
  if (field !== '') return { field, modifiers, values, line };
  throw new RuleFault('SIGMA_UNSUPPORTED', line, 'keywords with modifiers');
}

function scalarOf(tree: Tree): Scalar {
  if (tree.kind !== 'scalar')
    throw new RuleFault('SIGMA_INVALID', tree.line, 'a value must be a text, number, true, false or null');
  return tree.value;
}
