/** Rules as detectors. */
import type { Detector, EventView, Finding } from '../../detector.ts';
import type { CorrelationRule, PlainRule, RuleMeta } from './ast.ts';
import type { Needs } from './candidates.ts';
import { createCorrelator, type CorrelationState, type Source } from './correlation.ts';
import type { Predicate } from './selection.ts';
import { compileTemplate } from './template.ts';

/** A rule that runs: the detector, what an event needs to concern it, and what people want to know of it. */
export interface LoadedRule {
  readonly meta: RuleMeta;
  readonly needs: Needs;
  readonly detector: Detector;
}

/** MITRE ATT&CK ids among the tags: attack.t1078.004 -> T1078.004. */
const techniquesOf = (tags: readonly string[]): string[] =>
  tags.flatMap((tag) => /^attack\.(t\d{4}(?:\.\d{3})?)$/i.exec(tag)?.[1]?.toUpperCase() ?? []);

const NO_FINDINGS: readonly Finding[] = [];
const EVIDENCE_MAX = 100;

type Make = (
  view: EventView,
  extra: Readonly<Record<string, string | number>>,
  evidence: readonly string[],
) => Finding;

function createFindingMaker(meta: RuleMeta): Make {
  const render = compileTemplate(meta.reason);
  const techniques = techniquesOf(meta.tags);
  return (view, extra, evidence) => ({
    title: meta.title,
    severity: meta.severity,
    risk: meta.risk,
    ...render(view, extra),
    techniques,
    tags: meta.tags,
    evidence,
  });
}

/** False where the event cannot match, found without reading more than its kind and actions. */
export function mayConcern({ kinds, actions }: Needs, view: EventView): boolean {
  const { body } = view.event;
  if (kinds !== null && !kinds.has(body.kind)) return false;
  if (actions === null) return true;
  return body.kind === 'request' && body.actions.some(({ action }) => actions.has(action.toLowerCase()));
}

export function plainDetector(
  rule: PlainRule,
  name: string,
  version: string,
  matches: Predicate,
  needs: Needs,
): Detector {
  const make = createFindingMaker(rule.meta);
  return {
    name,
    version,
    kind: 'rule',
    keyedBy: 'none',
    createState: () => null,
    encodeState: () => new Uint8Array(),
    decodeState: () => null,
    mayConcern: (view) => mayConcern(needs, view),
    onEvent: (view) => (mayConcern(needs, view) && matches(view) ? [make(view, {}, [])] : NO_FINDINGS),
  };
}

export function correlationDetector(
  rule: CorrelationRule,
  name: string,
  version: string,
  sources: readonly Source[],
  needs: Needs,
): Detector<CorrelationState> {
  const make = createFindingMaker(rule.meta);
  const correlator = createCorrelator(rule, sources);
  return {
    name,
    version,
    kind: 'rule',
    keyedBy: 'identity',
    createState: correlator.create,
    encodeState: correlator.encode,
    decodeState: correlator.decode,
    mayConcern: (view) => mayConcern(needs, view),
    onEvent(view, state) {
      if (!mayConcern(needs, view)) return NO_FINDINGS;
      const hit = correlator.take(view, state);
      if (hit === null) return NO_FINDINGS;
      const ids = [...new Set(hit.entries.map(({ id }) => id))];
      const values = [...new Set(hit.entries.flatMap(({ v }) => v ?? []))].slice(0, 8).join(', ');
      const extra = {
        count: Math.round(hit.measure * 10) / 10,
        values,
        minutes: Math.ceil(rule.timespanMs / 60_000),
      };
      return [make(view, extra, ids.slice(-EVIDENCE_MAX))];
    },
  };
}
