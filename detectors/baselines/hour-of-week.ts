import type { DetectorContext, EventView, Finding } from '../detector.ts';
import { localTime, type LocalTime } from '../engine/local-time.ts';
import { confidence, createExperience, gain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { decayed, PROBATION_MS } from './support/known-items.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const HOURS = 168;
/** Neighbouring hours count too, fading: work does not start on the minute. */
const NEIGHBOURS = [1, 0.6, 0.25] as const;
const SAME_CLASS = 0.5;
const OTHER_CLASS = 0.12;
const PENDING_MAX = 64;
const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

interface HourState {
  /** Decayed count of hours with activity, by hour of the week in local time. */
  bins: number[];
  at: number;
  /** On probation: hours not counted yet, since they may be an intruder's. */
  pending: [bin: number, at: number][];
  lastBin: number;
  lastAt: number;
  known: Experience;
  said: Speech;
}

const binOf = ({ weekday, hour }: LocalTime): number => (weekday - 1) * 24 + hour;
const isWeekend = (bin: number): boolean => bin >= 5 * 24;

/** Activity around an hour of the week: this weekday's, and in part that of other days of the same class. */
function massAround(bins: readonly number[], bin: number): number {
  let mass = 0;
  for (let offset = -2; offset <= 2; offset += 1) {
    const near = NEIGHBOURS[Math.abs(offset)]!;
    for (let day = 0; day < 7; day += 1) {
      const other = (bin + offset + day * 24 + HOURS) % HOURS;
      const weight = day === 0 ? 1 : isWeekend(other) === isWeekend(bin) ? SAME_CLASS : OTHER_CLASS;
      mass += near * weight * bins[other]!;
    }
  }
  return mass;
}

function settle(state: HourState, at: number): void {
  if (state.at === 0) state.at = at;
  if (at - state.at >= 86_400_000) {
    const factor = decayed(1, at - state.at);
    state.bins = state.bins.map((weight) => weight * factor);
    state.at = at;
  }
  while (state.pending.length > 0 && at - state.pending[0]![1] >= PROBATION_MS)
    state.bins[state.pending.shift()![0]]! += 1;
}

function learn(state: HourState, bin: number, at: number): void {
  gain(state.known, at);
  if (bin === state.lastBin && at - state.lastAt < 3_600_000) return;
  state.lastBin = bin;
  state.lastAt = at;
  if (state.pending.length >= PENDING_MAX) state.pending.shift();
  state.pending.push([bin, at]);
}

function judge(view: EventView, state: HourState, local: LocalTime, timeZone: string): readonly Finding[] {
  const { time } = view.event;
  const sure = confidence(state.known, time, 60, 6);
  const total = state.bins.reduce((sum, weight) => sum + weight, 0);
  const usual = total > 0 ? massAround(state.bins, binOf(local)) / total : 0;
  // Spread evenly over the week, an hour with its neighbours would have this much.
  const even = (2.7 * (1 + 4 * SAME_CLASS + 2 * OTHER_CLASS)) / HOURS;
  const rarity = Math.max(0, 1 - usual / (even * 0.25));
  const unusual = sure > 0 && total > 0 && rarity > 0.5;
  view.setFact('hour_unusual', unusual);
  const risk = Math.round(40 * rarity * sure);
  if (!unusual || !worthSaying(state.said, risk, time)) return NOTHING;
  const clock = `${String(local.hour).padStart(2, '0')}:${String(local.minute).padStart(2, '0')}`;
  return [
    {
      title: 'Unusual hour',
      severity: severityOf(risk),
      risk,
      reason: `${WEEKDAYS[local.weekday - 1]} ${clock} (${timeZone}) is outside the hours of ${figure(state.known.seen)} earlier events; ${figure(usual * 100)} % of the activity falls around this hour`,
      figures: [{ name: 'share of activity around this hour', value: usual, usual: even, unit: '1' }],
      techniques: ['T1078'],
    },
  ];
}

/** Hour of the week, circular and smoothed, in the time zone of the identity or the connection. */
export const hourOfWeekBaseline = defineBaseline<HourState>({
  name: 'hour-of-week',
  version: '1',
  createState: () => ({
    bins: Array.from({ length: HOURS }, () => 0),
    at: 0,
    pending: [],
    lastBin: -1,
    lastAt: 0,
    known: createExperience(),
    said: createSpeech(),
  }),
  onEvent(view, state, { directory, mayLearn }: DetectorContext) {
    const { identity, target, time, body } = view.event;
    const timeZone = directory.timeZoneOf(
      identity?.id ?? null,
      target?.connection ?? null,
      identity?.attributes['timeZone'],
    );
    const local = localTime(timeZone, time);
    view.setFact('hour_local', local.hour);
    view.setFact('weekday_local', local.weekday);
    view.setFact('business_hours', local.weekday <= 5 && local.hour >= 8 && local.hour < 18);
    if (body.kind !== 'session_opened' && body.kind !== 'request') return NOTHING;
    settle(state, time);
    const found = judge(view, state, local, timeZone);
    if (mayLearn) learn(state, binOf(local), time);
    else state.pending = [];
    return found;
  },
});
