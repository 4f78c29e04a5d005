/** What the detection benchmark runs: subjects with a history, and what happens to some of them on days that were not learned from. */
import type { Actor, Draw, PlannedSession } from '../../main/exercise/plan.ts';

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
export const MINUTE_MS = 60_000;

/** An actor and its own way of spending a day. */
export interface Subject {
  readonly kind: string;
  readonly actor: Actor;
  /** Days of history that this kind needs to be known, at least those of the set. */
  readonly historyDays?: number;
  planDay(draw: Draw, dayStart: number): PlannedSession[];
}

export interface Change {
  readonly name: string;
  /** Kinds of subjects that it can happen to; absent: any. */
  readonly kinds?: readonly string[];
  /** Nothing is heard of the subject for so many days before; `all`: it has no history. */
  readonly silent?: number | 'all';
  /** Day after the set's today; absent: one of the first three, by turns. */
  readonly day?: number;
  /** The subject goes on with its ordinary work on the days of the change. */
  readonly besideWork: boolean;
  plan(subject: Subject, draw: Draw, dayStart: number): PlannedSession[];
}

export interface TrialSet {
  readonly name: string;
  /** Histories end here (midnight UTC). */
  readonly today: number;
  readonly historyDays: number;
  readonly attacks: readonly Change[];
  readonly benign: readonly Change[];
  drawSubject(draw: Draw, index: number, kinds?: readonly string[]): Subject;
}
