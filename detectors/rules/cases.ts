/** Cases of a rule: what must fire, what must not, and what the rule is known to miss. Read from `countersign.cases`. */
import type { SessionEvent } from '../../schemas/types.ts';
import type { EventView, FactValue } from '../detector.ts';
import { BASE_TIME, caseView, makeCaseEvent, type CaseEvent } from './case-event.ts';
import { RuleFault } from './sigma/fault.ts';
import { asMap, entry, toValue, type MapTree, type Tree } from './sigma/tree.ts';

export type CaseKind = 'true' | 'false' | 'evasion';

export interface RuleCase {
  readonly kind: CaseKind;
  readonly name: string;
  readonly line: number;
  readonly steps: readonly CaseStep[];
}

interface CaseStep extends CaseEvent {
  /** When, after the case's start (`90s`, `5m`, `2h`). */
  readonly at?: string;
  /** How often, and how far apart. */
  readonly times?: number;
  readonly every?: string;
}

interface WrittenCase extends CaseStep {
  readonly name?: string;
  /** A case for each, laid over what the case says. */
  readonly each?: readonly CaseStep[];
  readonly events?: readonly CaseStep[];
}

const KINDS: readonly CaseKind[] = ['true', 'false', 'evasion'];
const KEYS: ReadonlySet<string> = new Set([
  'name',
  'kind',
  'do',
  'text',
  'by',
  'risk',
  'event',
  'facts',
  'at',
  'times',
  'every',
  'each',
  'events',
]);
const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const EVENTS_MAX = 2000;

/** Cases of a document. Faults: SIGMA_CASES. */
export function readCases(document: Tree): RuleCase[] {
  const block = entry(asMap(document, 'a rule'), 'countersign');
  const cases = block && entry(asMap(block.value, '"countersign"'), 'cases');
  if (!cases) return [];
  return asMap(cases.value, '"cases"').entries.flatMap(({ key, line, value }) => {
    const kind = KINDS.find((candidate) => candidate === key);
    if (kind === undefined)
      throw new RuleFault('SIGMA_CASES', line, `"${key}" is not true, false or evasion`);
    if (value.kind !== 'list') throw new RuleFault('SIGMA_CASES', line, 'cases must be a list');
    return value.items.flatMap((item) => readCase(kind, asMap(item, 'a case')));
  });
}

function readCase(kind: CaseKind, tree: MapTree): RuleCase[] {
  for (const { key, line } of tree.entries)
    if (!KEYS.has(key)) throw new RuleFault('SIGMA_CASES', line, `"${key}" is not a field of a case`);
  const { name = 'unnamed', each, events, ...common } = toValue(tree) as WrittenCase;
  const make = (label: string, steps: readonly CaseStep[]): RuleCase => ({
    kind,
    name: label,
    line: tree.line,
    steps,
  });
  if (each !== undefined)
    return each.map((one, index) => make(`${name} (${index + 1})`, [overlay(common, one)]));
  return [make(name, events === undefined ? [common] : events.map((one) => overlay(common, one)))];
}

function overlay(under: CaseStep, over: CaseStep): CaseStep {
  return {
    ...under,
    ...over,
    ...(under.facts || over.facts ? { facts: { ...under.facts, ...over.facts } } : {}),
    ...(under.event || over.event ? { event: { ...under.event, ...over.event } } : {}),
  };
}

/** The views of a case's events, in the order given (which may be out of event time). */
export function caseViews({ steps, line }: RuleCase): EventView[] {
  const views: EventView[] = [];
  for (const step of steps) {
    for (let i = 0; i < (step.times ?? 1); i++) {
      const time = BASE_TIME + spanMs(step.at ?? '0s', line) + i * spanMs(step.every ?? '1s', line);
      const event: SessionEvent = makeCaseEvent(step, time, views.length + 1);
      const facts: Readonly<Record<string, FactValue>> = step.facts ?? {};
      views.push(caseView(event, facts));
      if (views.length > EVENTS_MAX)
        throw new RuleFault('SIGMA_CASES', line, `over ${EVENTS_MAX} events in a case`);
    }
  }
  return views;
}

function spanMs(text: string, line: number): number {
  const match = /^(-?\d+)([smhd])$/.exec(text);
  if (match === null) throw new RuleFault('SIGMA_CASES', line, `"${text}" is not a time like 90s, 5m or 2h`);
  return Number(match[1]) * UNITS_MS[match[2]!]!;
}
