/**
 * One risk per identity. Each dimension keeps its strongest finding p (0 to 1), which halves every half-life of event time. The
 * dimensions are taken as independent (noisy-or):
 *
 *   raw = 1 - product over dimensions of (1 - p * 2^(-age / halfLife))
 *
 * Calibration: b is the 95th percentile of the identity's own daily maxima of raw (60 days at most), within [0.5, 0.8]; the risk
 * is the straight line through (0, 0), (b, 50) and (1, 100). 50 is the worst that an ordinary day brings, 80 is three fifths
 * of the way from there to certainty, for every identity. The upper bound on b keeps a patient intruder from lifting the bar.
 */
import { quantileSorted } from 'simple-statistics';
import { createHabitState, type HabitState } from './habits.ts';

export interface RiskConfig {
  readonly halfLifeMs: number;
}

export interface Contribution {
  p: number;
  at: number;
  detector: string;
  reason: string;
}

export interface RiskState extends HabitState {
  dimensions: Map<string, Contribution>;
  /** Day since the epoch and the highest raw risk learned on it. */
  days: [day: number, raw: number][];
  /** Above the level at the last look, so that crossing is said once. */
  above: boolean;
  /**
   * Nothing is learned since this processing time: until a person closes the incident, or long enough after the last crossing of the
   * level where there is no incident.
   */
  frozenAt: number | null;
  /** Event time of the last crossing: a history that is imported passes in seconds. */
  crossedAt: number;
}

const DAY_MS = 86_400_000;
const DAYS_MAX = 60;
const DAYS_MIN = 7;
const BAR_LOW = 0.5;
const BAR_HIGH = 0.8;
const FORGET_BELOW = 0.01;

export const createRiskState = (): RiskState => ({
  dimensions: new Map(),
  days: [],
  above: false,
  frozenAt: null,
  crossedAt: 0,
  ...createHabitState(),
});

const faded = ({ p, at }: Contribution, now: number, halfLifeMs: number): number =>
  p * 2 ** (-Math.max(0, now - at) / halfLifeMs);

/** Takes a finding of risk 0-100 into its dimension; the stronger of it and what was there stays. */
export function contribute(
  state: RiskState,
  dimension: string,
  finding: { readonly risk: number; readonly detector: string; readonly reason: string },
  at: number,
  config: RiskConfig,
): void {
  const p = Math.min(0.98, Math.max(0, finding.risk / 100));
  const before = state.dimensions.get(dimension);
  if (before !== undefined && faded(before, at, config.halfLifeMs) >= p) return;
  state.dimensions.set(dimension, { p, at, detector: finding.detector, reason: finding.reason });
}

/** Raw risk, 0 to 1; forgets what has faded. */
export function rawRisk(state: RiskState, now: number, config: RiskConfig): number {
  let none = 1;
  for (const [dimension, contribution] of state.dimensions) {
    const p = faded(contribution, now, config.halfLifeMs);
    if (p < FORGET_BELOW) state.dimensions.delete(dimension);
    else none *= 1 - p;
  }
  return 1 - none;
}

/** The identity's own bar: the worst that ordinary days bring. */
export function barOf(state: RiskState, now: number): number {
  const today = Math.floor(now / DAY_MS);
  const past = state.days.filter(([day]) => day < today).map(([, raw]) => raw);
  if (past.length < DAYS_MIN) return BAR_LOW;
  return Math.min(
    BAR_HIGH,
    Math.max(
      BAR_LOW,
      quantileSorted(
        past.sort((a, b) => a - b),
        0.95,
      ),
    ),
  );
}

/** Calibrated risk, 0-100, whole. */
export function calibrate(raw: number, bar: number): number {
  const risk = raw <= bar ? (50 * raw) / bar : 50 + (50 * (raw - bar)) / (1 - bar);
  return Math.round(risk);
}

/** Remembers today's maximum. */
export function learnDay(state: RiskState, raw: number, now: number): void {
  const today = Math.floor(now / DAY_MS);
  const entry = state.days.find(([day]) => day === today);
  if (entry !== undefined) {
    entry[1] = Math.max(entry[1], raw);
    return;
  }
  state.days.push([today, raw]);
  state.days.sort(([a], [b]) => a - b);
  if (state.days.length > DAYS_MAX) state.days.shift();
}

/** The contributors, strongest first, for the reason. */
export function contributors(
  state: RiskState,
  now: number,
  config: RiskConfig,
): { dimension: string; p: number; detector: string; reason: string }[] {
  return [...state.dimensions]
    .map(([dimension, contribution]) => ({
      dimension,
      p: faded(contribution, now, config.halfLifeMs),
      detector: contribution.detector,
      reason: contribution.reason,
    }))
    .sort((a, b) => b.p - a.p);
}
