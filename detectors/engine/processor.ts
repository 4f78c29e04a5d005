import type { Detector, Directory, EventView, Finding } from '../detector.ts';
import type { Detection, SessionEvent } from '../../schemas/types.ts';
import { dimensionOf } from '../risk/dimensions.ts';
import { habitKey, habitShare, learnHabit, lessen, settleSuspects, suspectHabit } from '../risk/habits.ts';
import {
  barOf,
  calibrate,
  contribute,
  contributors,
  learnDay,
  rawRisk,
  type RiskState,
} from '../risk/identity-risk.ts';
import { makeDetection, mergeFindings, type Said, type Trigger } from './detection-records.ts';
import { CONCERN_KEYS_MAX, concernKey } from './concern-key.ts';
import { createEventView } from './event-view.ts';
import type { KeyState } from './key-state.ts';

export interface ProcessorConfig {
  readonly riskHalfLifeMs: number;
  /** Identity risk that makes a detection of its own. */
  readonly riskLevel: number;
  /** At or above this identity risk nothing is learned. */
  readonly learnRiskMax: number;
  /** Where no incident was opened, learning goes on so long after the risk last crossed the level (event time). */
  readonly learnAgainAfterMs: number;
  /** Gateway events this much older than the newest of their identity are judged but not learned from. */
  readonly lateMsMax: number;
}

/** What people have decided about an identity's incidents. */
export interface Suspicion {
  readonly open: boolean;
  /** When the last incident was closed (processing time), and how. */
  readonly closedAt: number | null;
  readonly closedAs: 'benign' | 'confirmed' | 'duplicate' | null;
}

export const NO_SUSPICION: Suspicion = { open: false, closedAt: null, closedAs: null };
export const RISK_DETECTOR = 'identity-risk';
const RISK_VERSION = '1';

/** Rules that may be replaced while the engine runs, and which of them could match an event (keyed by identity or none). */
export interface RuleSource {
  candidates(view: EventView): readonly { readonly detector: Detector }[];
}

export const NO_RULES: RuleSource = { candidates: () => [] };

export interface Processor {
  /** Runs the detectors in order over one event; detections come with the identity's risk after all of them. */
  process(state: KeyState, peers: KeyState, trigger: Trigger, suspicion: Suspicion): Detection[];
  /** Takes what the engine itself noticed (gaps, unreadable events) into the risk. */
  notice(state: KeyState, trigger: Trigger, said: Said): Detection[];
}

interface Weighed extends Said {
  /** What it is about, for getting used to it. */
  readonly habit?: string;
}

const QUIET_KINDS: ReadonlySet<string> = new Set(['checkpoint', 'heartbeat', 'data']);

export function createProcessor(
  detectors: readonly Detector[],
  directory: Directory,
  config: ProcessorConfig,
  rules: RuleSource = NO_RULES,
): Processor {
  const riskConfig = { halfLifeMs: config.riskHalfLifeMs };
  const byConcern = new Map<string, readonly Detector[]>();
  const concerned = (view: EventView): readonly Detector[] => {
    const key = concernKey(view);
    let found = byConcern.get(key);
    if (found === undefined) {
      if (byConcern.size >= CONCERN_KEYS_MAX) byConcern.clear();
      found = detectors.filter((detector) => detector.mayConcern?.(view) ?? true);
      byConcern.set(key, found);
    }
    return found;
  };

  /**
   * Ends the suspension of learning once a person has closed the incident. Where there is none (no responder runs, or it was closed as a
   * duplicate of another identity's), it ends by time: else the identity would be judged by what it was for ever.
   */
  const thaw = (risk: RiskState, { open, closedAt, closedAs }: Suspicion, at: number): void => {
    if (open) return;
    if (closedAt !== null && closedAt > risk.closedAt && closedAs !== 'duplicate') {
      risk.closedAt = closedAt;
      settleSuspects(risk, closedAs === 'benign', at);
    }
    if (risk.frozenAt === null) return;
    const closed = closedAt !== null && closedAt >= risk.frozenAt && closedAs !== 'duplicate';
    if (!closed && at - risk.crossedAt < config.learnAgainAfterMs) return;
    if (!closed) risk.suspects = [];
    risk.frozenAt = null;
    risk.above = false;
    risk.dimensions.clear();
  };

  /** A rule that says what it said on many days counts less. Baselines learn by themselves. */
  const weigh = (
    risk: RiskState,
    { name: detector, version, kind }: Detector,
    finding: Finding,
    event: SessionEvent,
  ): Weighed => {
    const habit = kind === 'rule' ? habitKey(detector, dimensionOf(detector, finding), finding, event) : null;
    if (habit === null) return { detector, version, kind, finding };
    return {
      detector,
      version,
      kind,
      finding: lessen(finding, habitShare(risk, habit, event.time)),
      habit,
    };
  };

  const riskFinding = (risk: RiskState, value: number, bar: number, at: number): Said => {
    const parts = contributors(risk, at, riskConfig).slice(0, 5);
    const words = parts.map((part) => `${part.dimension} ${Math.round(part.p * 100)} (${part.reason})`);
    return {
      detector: RISK_DETECTOR,
      version: RISK_VERSION,
      kind: 'risk',
      finding: {
        title: `Identity risk ${Math.round(value)}`,
        severity: value >= 90 ? 'critical' : 'high',
        risk: value,
        reason: `several independent signs at once: ${words.join('; ')}`,
        figures: [
          { name: 'identity risk', value, usual: 50, unit: '1' },
          { name: "worst of the identity's ordinary days", value: bar, usual: null, unit: '1' },
        ],
        techniques: ['T1078'],
      },
    };
  };

  const conclude = (state: KeyState, trigger: Trigger, said: Weighed[], mayLearn: boolean): Detection[] => {
    const { risk } = state;
    const at = trigger.event.time;
    for (const { detector, finding } of said) {
      if (finding.risk === 0) continue;
      const contribution = { risk: finding.risk, detector, reason: finding.reason };
      contribute(risk, dimensionOf(detector, finding), contribution, at, riskConfig);
    }
    if (risk.dimensions.size === 0 && said.length === 0 && !risk.above) {
      if (mayLearn) learnDay(risk, 0, at);
      return [];
    }
    const raw = rawRisk(risk, at, riskConfig);
    const bar = barOf(risk, at);
    const value = calibrate(raw, bar);
    if (value >= config.riskLevel && !risk.above) {
      risk.above = true;
      risk.frozenAt = Math.max(risk.frozenAt ?? 0, trigger.now);
      risk.crossedAt = Math.max(risk.crossedAt, at);
      said.push(riskFinding(risk, value, bar, at));
    } else if (value < config.riskLevel - 20) risk.above = false;
    const ordinary = mayLearn && value < config.learnRiskMax;
    if (ordinary) learnDay(risk, raw, at);
    for (const { habit } of said) {
      if (habit === undefined) continue;
      if (ordinary) learnHabit(risk, habit, at);
      else suspectHabit(risk, habit);
    }
    return said.map((one) => makeDetection(one, trigger, value));
  };

  return {
    process(state, peers, trigger, suspicion) {
      const { event, now } = trigger;
      if (QUIET_KINDS.has(event.body.kind)) return [];
      thaw(state.risk, suspicion, event.time);
      const before =
        state.risk.dimensions.size === 0
          ? 0
          : calibrate(rawRisk(state.risk, event.time, riskConfig), barOf(state.risk, event.time));
      const late = event.origin === 'gateway' && event.time < state.order.newest - config.lateMsMax;
      state.order.newest = Math.max(state.order.newest, event.time);
      const mayLearn =
        !suspicion.open && !late && state.risk.frozenAt === null && before < config.learnRiskMax;
      const view = createEventView(event);
      const context = { now, mayLearn, directory };
      const said: Weighed[] = [];
      const run = (detector: Detector): void => {
        const own = detector.keyedBy === 'partition' ? peers : state;
        const ownState = detector.keyedBy === 'none' ? undefined : own.of(detector);
        const finding = mergeFindings(detector.onEvent(view, ownState, context));
        if (finding === undefined) return;
        said.push(weigh(state.risk, detector, finding, event));
      };
      for (const detector of concerned(view)) run(detector);
      for (const { detector } of rules.candidates(view)) run(detector);
      return conclude(state, trigger, said, mayLearn);
    },
    notice: (state, trigger, said) => conclude(state, trigger, [said], false),
  };
}
