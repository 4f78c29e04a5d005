/**
 * What an identity has done on many days is no sign that somebody else acts: a rule that spoke about the same thing on d earlier days
 * (decayed with a half-life of 14 days) counts 1 / (1 + d) of its risk. Only days outside probation count, so that an intruder does not
 * become usual within a night, and nothing is learned under suspicion; what a person closes as benign is learned then.
 */
import { PROBATION_MS } from '../baselines/support/known-items.ts';
import type { Finding } from '../detector.ts';
import type { SessionEvent, Severity } from '../../schemas/types.ts';

export interface Habit {
  /** Decayed count of days, at `lastDay`. */
  weight: number;
  days: number;
  lastDay: number;
  first: number;
}

export interface HabitState {
  habits: Map<string, Habit>;
  /** What was said while nothing may be learned; a person decides about it. */
  suspects: string[];
  /** Newest closed incident that was taken into account, processing time. */
  closedAt: number;
}

const DAY_MS = 86_400_000;
const HALF_LIFE_DAYS = 14;
const HABITS_MAX = 256;
const SUSPECTS_MAX = 64;
const KEY_CHARS_MAX = 300;
/** A person's word counts as much as three days. */
const BENIGN_DAYS = 3;
const NEVER_USUAL: ReadonlySet<string> = new Set(['leaver', 'integrity']);
const ALWAYS_TAG = 'countersign.always';

export const createHabitState = (): HabitState => ({ habits: new Map(), suspects: [], closedAt: 0 });

/**
 * What a finding of a rule is about: the rule with the command's shape and objects, or the verb of an answer. Null where it must keep its
 * weight: leavers, broken integrity, code that cannot be analysed, and rules with the tag `countersign.always`.
 */
export function habitKey(
  detector: string,
  dimension: string,
  finding: Finding,
  { body }: SessionEvent,
): string | null {
  if (NEVER_USUAL.has(dimension) || finding.tags?.includes(ALWAYS_TAG) === true) return null;
  if (body.kind === 'response') return `${detector}|${(body.tag ?? '').split(' ', 1)[0]!}`;
  if (body.kind !== 'request') return detector;
  if (body.actions.some(({ action }) => action === 'opaque_code')) return null;
  const steps = body.actions.map(({ action, object }) => `${action} ${object ?? ''}`).sort();
  return `${detector}|${body.fingerprint ?? ''}|${steps.join(',')}`.slice(0, KEY_CHARS_MAX);
}

const decayedTo = ({ weight, lastDay }: Habit, day: number): number =>
  weight * 2 ** (-Math.max(0, day - lastDay) / HALF_LIFE_DAYS);

/** Share of its risk that the finding keeps, 0 to 1, and on how many earlier days the same was seen. */
export function habitShare(state: HabitState, key: string, at: number): { share: number; days: number } {
  const habit = state.habits.get(key);
  if (habit === undefined || at - habit.first < PROBATION_MS) return { share: 1, days: 0 };
  const today = Math.floor(at / DAY_MS);
  const own = habit.lastDay === today ? 1 : 0;
  const earlier = Math.max(0, decayedTo(habit, today) - own);
  return { share: 1 / (1 + earlier), days: habit.days - own };
}

export function learnHabit(state: HabitState, key: string, at: number, days = 1): void {
  const today = Math.floor(at / DAY_MS);
  const known = state.habits.get(key);
  if (known === undefined) {
    if (state.habits.size >= HABITS_MAX) forgetOldest(state.habits);
    state.habits.set(key, { weight: days, days, lastDay: today, first: at });
    return;
  }
  if (known.lastDay >= today && days === 1) return;
  known.weight = decayedTo(known, today) + days;
  known.days += days;
  known.lastDay = Math.max(known.lastDay, today);
}

function forgetOldest(habits: Map<string, Habit>): void {
  let oldest: string | undefined;
  let day = Infinity;
  for (const [key, { lastDay }] of habits)
    if (lastDay < day) {
      day = lastDay;
      oldest = key;
    }
  if (oldest !== undefined) habits.delete(oldest);
}

export function suspectHabit(state: HabitState, key: string): void {
  if (state.suspects.includes(key)) return;
  state.suspects.push(key);
  if (state.suspects.length > SUSPECTS_MAX) state.suspects.shift();
}

/** A person has closed an incident: what was said meanwhile is usual if it was benign, and is dropped otherwise. */
export function settleSuspects(state: HabitState, benign: boolean, at: number): void {
  if (benign)
    for (const key of state.suspects) {
      learnHabit(state, key, at, BENIGN_DAYS);
      // A person has looked at it, so that it need not wait for probation.
      const habit = state.habits.get(key)!;
      habit.first = Math.min(habit.first, at - PROBATION_MS);
    }
  state.suspects = [];
}

const LOWER: Readonly<Record<Severity, Severity>> = {
  critical: 'medium',
  high: 'low',
  medium: 'low',
  low: 'informational',
  informational: 'informational',
};

/** The finding with the weight that is left to it, saying so. */
export function lessen(finding: Finding, { share, days }: { share: number; days: number }): Finding {
  if (share >= 1) return finding;
  return {
    ...finding,
    risk: Math.round(finding.risk * share),
    severity: share <= 0.5 ? LOWER[finding.severity] : finding.severity,
    reason: `${finding.reason} Usual for this identity: the same on ${Math.round(days)} earlier days.`,
  };
}
