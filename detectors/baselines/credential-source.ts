import { confidence, createExperience, gain, startAgain, type Experience } from './support/cold-start.ts';
import { defineBaseline, NOTHING } from './support/define-baseline.ts';
import { forgetRecent, isNew, learnItem, type KnownItems } from './support/known-items.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

/** Sources change more seldom than networks: a renamed repository is rarer than a moved runner. Alone it stays below the level. */
const RISK = 55;

/** Where the identity's tokens come from (CI repository and environment, vault path, ...). */
export const credentialSourceBaseline = defineBaseline<{
  sources: KnownItems;
  known: Experience;
  said: Speech;
}>({
  name: 'credential-source',
  version: '1',
  createState: () => ({ sources: new Map(), known: createExperience(), said: createSpeech() }),
  onEvent(view, state, { mayLearn }) {
    const { identity, time, body } = view.event;
    if (identity === null || (body.kind !== 'session_opened' && body.kind !== 'request')) return NOTHING;
    const source = identity.credentialSource ?? '(none)';
    const changed = confidence(state.known, time, 10, 3) > 0 && isNew(state.sources, source, time);
    view.setFact('credential_source_changed', changed);
    const usual = [...state.sources.keys()].slice(0, 3).join(', ');
    if (mayLearn) {
      gain(state.known, time);
      learnItem(state.sources, source, time, 32);
    } else if (forgetRecent(state.sources, time)) startAgain(state.known);
    if (!changed || !worthSaying(state.said, RISK, time)) return NOTHING;
    return [
      {
        title: 'Credential source changed',
        severity: 'medium',
        risk: RISK,
        reason: `the token comes from ${source}; earlier ones came from ${usual}`,
        techniques: ['T1552'],
      },
    ];
  },
});
