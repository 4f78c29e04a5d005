import { networkName } from '../engine/network-name.ts';
import { confidence, createExperience, gain, type Experience } from './support/cold-start.ts';
import { defineBaseline, figure, NOTHING, severityOf } from './support/define-baseline.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

const TOKENS_MAX = 256;
/** Of tokens used from a second network; at this share and above it is the identity's way of working. */
const USUAL_SHARE = 0.05;

interface TokenState {
  /** Token to the network that it came from first, the longest unused first. */
  tokens: Map<string, string>;
  /** Tokens that came from a second network. */
  moved: number;
  known: Experience;
  said: Speech;
}

/**
 * One token from two networks. A runner that moves gets its next token there; a token that shows up elsewhere was carried off. People
 * with a laptop and agents behind changing addresses do it all the time, and are not doubted for it.
 */
export const tokenNetworksBaseline = defineBaseline<TokenState>({
  name: 'token-networks',
  version: '1',
  createState: () => ({ tokens: new Map(), moved: 0, known: createExperience(), said: createSpeech() }),
  onEvent(view, state, { mayLearn }) {
    const { body, identity, client, time } = view.event;
    if (body.kind !== 'session_opened' || client === null) return NOTHING;
    const token = identity?.tokenId ?? null;
    if (token === null) return NOTHING;
    const network = networkName(client.ip);
    const first = state.tokens.get(token);
    const elsewhere = first !== undefined && first !== network;
    view.setFact('token_elsewhere', elsewhere);
    const sure = confidence(state.known, time, 20, 4);
    const usual = (state.moved + 0.2) / (state.known.seen + 1);
    state.tokens.delete(token);
    if (state.tokens.size >= TOKENS_MAX) state.tokens.delete(state.tokens.keys().next().value!);
    state.tokens.set(token, first ?? network);
    if (mayLearn) {
      if (first === undefined) gain(state.known, time);
      if (elsewhere) state.moved += 1;
    }
    const risk = elsewhere ? Math.round(sure * 60 * Math.max(0, 1 - usual / USUAL_SHARE)) : 0;
    if (!worthSaying(state.said, risk, time)) return NOTHING;
    return [
      {
        title: 'One token from two networks',
        severity: severityOf(risk),
        risk,
        reason: `token ${token} came from ${first} before and comes from ${network} now; ${figure(state.moved)} of ${figure(state.known.seen)} earlier tokens did that`,
        figures: [{ name: 'share of tokens from two networks', value: usual, usual: null, unit: '1' }],
        techniques: ['T1550'],
      },
    ];
  },
});
