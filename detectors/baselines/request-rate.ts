import { confidence, createExperience, gain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { createLogHistogram, learnValue, quantileOf, type LogHistogram } from './support/log-histogram.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const MINUTE_MS = 60_000;

interface RateState {
  /** Requests of the past minute, fading (a leaky count, so that no window edge hides a burst). */
  rate: number;
  at: number;
  /** Highest rate of the minute under way, learned when it ends. */
  peak: number;
  minute: number;
  peaks: LogHistogram;
  known: Experience;
  said: Speech;
}

/** Requests per minute against the peaks of ordinary minutes. */
export const requestRateBaseline = defineBaseline<RateState>({
  name: 'request-rate',
  version: '1',
  createState: () => ({
    rate: 0,
    at: 0,
    peak: 0,
    minute: 0,
    peaks: createLogHistogram(),
    known: createExperience(),
    said: createSpeech(),
  }),
  onEvent(view, state, { mayLearn }) {
    const { body, time } = view.event;
    if (body.kind !== 'request') return NOTHING;
    const elapsed = Math.max(0, time - state.at);
    state.rate = state.rate * Math.exp(-elapsed / MINUTE_MS) + 1;
    state.at = Math.max(state.at, time);
    const minute = Math.floor(time / MINUTE_MS);
    if (mayLearn) {
      if (minute !== state.minute) {
        if (state.peak > 0) learnValue(state.peaks, state.peak, time);
        state.peak = 0;
        state.minute = minute;
      }
      state.peak = Math.max(state.peak, state.rate);
      gain(state.known, time);
    }
    const sure = confidence(state.known, time, 100, 5);
    const usual = sure > 0 ? quantileOf(state.peaks, 0.5) : undefined;
    const high = Math.max(10, sure > 0 ? (quantileOf(state.peaks, 0.99) ?? 0) : 0);
    if (usual === undefined) return NOTHING;
    view.setFact('rate_ratio', state.rate / Math.max(1, usual));
    const excess = state.rate / high;
    const risk = excess < 3 ? 0 : Math.round(sure * Math.min(65, 25 + 16 * Math.log2(excess / 3)));
    if (!worthSaying(state.said, risk, time)) return NOTHING;
    return [
      {
        title: 'Unusual request rate',
        severity: severityOf(risk),
        risk,
        reason: `${figure(state.rate)} requests/min against a usual ${figure(usual)} (99 % of minutes stay under ${figure(high)})`,
        figures: [{ name: 'requests per minute', value: state.rate, usual, unit: '1/min' }],
        techniques: ['T1213'],
      },
    ];
  },
});
