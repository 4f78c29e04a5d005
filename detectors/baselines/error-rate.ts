import { confidence, createExperience, gain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { decayed, HALF_LIFE_MS } from './support/known-items.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const WINDOW_MS = 1_200_000;
const ERRORS_MIN = 3;

interface ErrorState {
  /** Long-term, decayed. */
  errors: number;
  answers: number;
  /** Past 20 minutes, fading. */
  errorsNow: number;
  answersNow: number;
  at: number;
  known: Experience;
  said: Speech;
}

/** Share of answers that are errors or denials: the past 20 minutes against what is usual (Laplace-smoothed). */
export const errorRateBaseline = defineBaseline<ErrorState>({
  name: 'error-rate',
  version: '1',
  createState: () => ({
    errors: 0,
    answers: 0,
    errorsNow: 0,
    answersNow: 0,
    at: 0,
    known: createExperience(),
    said: createSpeech(),
  }),
  onEvent(view, state, { mayLearn }) {
    const { body, time } = view.event;
    if (body.kind !== 'response') return NOTHING;
    const elapsed = Math.max(0, time - (state.at === 0 ? time : state.at));
    const failed = body.status === 'error' || body.status === 'denied' ? 1 : 0;
    state.errorsNow = state.errorsNow * Math.exp(-elapsed / WINDOW_MS) + failed;
    state.answersNow = state.answersNow * Math.exp(-elapsed / WINDOW_MS) + 1;
    const usual = (state.errors + 0.5) / (state.answers + 25);
    const now = state.errorsNow / Math.max(state.answersNow, ERRORS_MIN);
    const ratio = now / usual;
    const sure = confidence(state.known, time, 80, 5);
    if (sure > 0) view.setFact('error_rate_ratio', ratio);
    state.errors = decayed(state.errors, elapsed, HALF_LIFE_MS);
    state.answers = decayed(state.answers, elapsed, HALF_LIFE_MS);
    state.at = Math.max(state.at, time);
    if (mayLearn) {
      gain(state.known, time);
      state.errors += failed;
      state.answers += 1;
    }
    if (failed === 0 || state.errorsNow < ERRORS_MIN - 0.5 || ratio < 5) return NOTHING;
    const risk = Math.round(sure * Math.min(50, 22 + 8 * Math.log2(ratio / 5)));
    if (!worthSaying(state.said, risk, time)) return NOTHING;
    return [
      {
        title: 'Unusual share of errors',
        severity: severityOf(risk),
        risk,
        reason: `${figure(now * 100)} % of the answers in 20 minutes are errors or denials against a usual ${figure(usual * 100)} %`,
        figures: [{ name: 'error share', value: now, usual, unit: '1' }],
        techniques: ['T1087'],
      },
    ];
  },
});
