import { networkName } from '../engine/network-name.ts';
import { confidence, createExperience, gain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { createLogHistogram, learnValue, quantileOf, type LogHistogram } from './support/log-histogram.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const SESSIONS_MAX = 512;
/** A session whose end never came (lost gateway) does not count for ever. */
const SESSION_MS_MAX = 86_400_000;

interface ConcurrencyState {
  open: Map<string, { at: number; network: string }>;
  usual: LogHistogram;
  /** Openings while a session from another network was open (decayed by learning only). */
  mixed: number;
  known: Experience;
  said: Speech;
}

/** Sessions open at once, and sessions open at once from two networks. */
export const sessionConcurrencyBaseline = defineBaseline<ConcurrencyState>({
  name: 'session-concurrency',
  version: '1',
  createState: () => ({
    open: new Map(),
    usual: createLogHistogram(),
    mixed: 0,
    known: createExperience(),
    said: createSpeech(),
  }),
  onEvent(view, state, { mayLearn }) {
    const { body, time, session, client } = view.event;
    if (session === null) return NOTHING;
    if (body.kind === 'session_closed') state.open.delete(session.id);
    view.setFact('sessions_parallel', state.open.size);
    if (body.kind !== 'session_opened') return NOTHING;
    for (const [id, { at }] of state.open) if (time - at > SESSION_MS_MAX) state.open.delete(id);
    const network = client === null ? '' : networkName(client.ip);
    const elsewhere = [...state.open.values()].filter((other) => other.network !== network).length;
    if (state.open.size < SESSIONS_MAX) state.open.set(session.id, { at: time, network });
    const count = state.open.size;
    view.setFact('sessions_parallel', count);
    const sure = confidence(state.known, time, 20, 4);
    const high = Math.max(3, quantileOf(state.usual, 0.99) ?? 0);
    const mixedShare = (state.mixed + 0.2) / (state.known.seen + 1);
    if (mayLearn) {
      gain(state.known, time);
      learnValue(state.usual, count, time);
      if (elsewhere > 0) state.mixed += 1;
    }
    const many = count > 2 * high ? Math.min(40, 20 + 8 * Math.log2(count / high)) : 0;
    const split = elsewhere > 0 && mixedShare < 0.02 ? 25 : 0;
    const risk = Math.round(sure * Math.max(many, split));
    if (!worthSaying(state.said, risk, time)) return NOTHING;
    return [
      {
        title: 'Unusual parallel sessions',
        severity: severityOf(risk),
        risk,
        reason: `${figure(count)} sessions open at once (usually at most ${figure(high)}), ${figure(elsewhere)} of the others from another network`,
        figures: [{ name: 'sessions open at once', value: count, usual: high, unit: '1' }],
        techniques: ['T1078'],
      },
    ];
  },
});
