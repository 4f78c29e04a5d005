import type { Action } from '../../schemas/types.ts';
import { confidence, createExperience, gain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { DAY_MS } from './support/known-items.ts';
import { createLogHistogram, learnValue, quantileOf, type LogHistogram } from './support/log-histogram.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const OBJECTS_MAX = 64;
const PENDING_MAX = 64;
/** Under this, a day's reading of one object is not much. */
const ROWS_FLOOR = 200;
const TIMES_MIN = 4;

interface ObjectRows {
  /** Rows of the past day, fading. */
  sum: number;
  at: number;
  /** Highest sum of the day under way, learned when it ends. */
  peak: number;
  day: number;
  /** Peaks of days on which it was read. */
  days: LogHistogram;
}

interface VolumeState {
  objects: Map<string, ObjectRows>;
  /** Requests under way and what they read. */
  pending: Map<string, string[]>;
  known: Experience;
  said: Speech;
}

const readsOf = (actions: readonly Action[]): string[] => [
  ...new Set(
    actions
      .filter(({ action, object }) => (action === 'read' || action === 'export') && object !== null)
      .map(({ object }) => object!),
  ),
];

function objectOf(state: VolumeState, name: string): ObjectRows {
  const known = state.objects.get(name);
  state.objects.delete(name);
  if (known === undefined && state.objects.size >= OBJECTS_MAX)
    state.objects.delete(state.objects.keys().next().value!);
  const own = known ?? { sum: 0, at: 0, peak: 0, day: 0, days: createLogHistogram() };
  state.objects.set(name, own);
  return own;
}

/**
 * Rows of one object in a day against the identity's own days with it. What leaves in small answers, slowly, stays under every bound on
 * answers and hours; over a day it is still far more of that object than the work ever needed.
 */
export const objectVolumeBaseline = defineBaseline<VolumeState>({
  name: 'object-volume',
  version: '1',
  createState: () => ({
    objects: new Map(),
    pending: new Map(),
    known: createExperience(),
    said: createSpeech(),
  }),
  onEvent(view, state, { mayLearn }) {
    const { body, time, requestId } = view.event;
    if (requestId === null) return NOTHING;
    if (body.kind === 'request') {
      const reads = readsOf(body.actions);
      if (reads.length === 0) return NOTHING;
      if (state.pending.size >= PENDING_MAX) state.pending.delete(state.pending.keys().next().value!);
      state.pending.set(requestId, reads.slice(0, 8));
      return NOTHING;
    }
    if (body.kind !== 'response') return NOTHING;
    const reads = state.pending.get(requestId);
    if (reads === undefined) return NOTHING;
    state.pending.delete(requestId);
    if (mayLearn) gain(state.known, time);
    const day = Math.floor(time / DAY_MS);
    const sure = confidence(state.known, time, 80, 5);
    let worst = { times: 0, rows: 0, usual: 0, name: '' };
    for (const name of reads) {
      const own = objectOf(state, name);
      own.sum = own.sum * Math.exp(-Math.max(0, time - own.at) / DAY_MS) + body.rows;
      own.at = Math.max(own.at, time);
      if (own.day !== day) {
        if (own.peak > 0 && mayLearn) learnValue(own.days, own.peak, time);
        own.peak = 0;
        own.day = day;
      }
      if (mayLearn) own.peak = Math.max(own.peak, own.sum);
      // An object without a past is new, which another baseline says.
      const usual = quantileOf(own.days, 0.99);
      if (usual === undefined) continue;
      const times = own.sum / Math.max(ROWS_FLOOR, usual);
      if (times > worst.times) worst = { times, rows: own.sum, usual, name };
    }
    if (worst.times < TIMES_MIN) return NOTHING;
    const risk = Math.round(sure * Math.min(65, 32 + 9 * Math.log2(worst.times / TIMES_MIN)));
    if (!worthSaying(state.said, risk, time)) return NOTHING;
    return [
      {
        title: 'Unusual volume from one object',
        severity: severityOf(risk),
        risk,
        reason: `${figure(Math.round(worst.rows))} rows of ${worst.name} within a day against at most ${figure(Math.round(worst.usual))} on earlier days`,
        figures: [{ name: 'rows of the object in a day', value: worst.rows, usual: worst.usual, unit: '1' }],
        techniques: ['T1213', 'T1030'],
      },
    ];
  },
});
