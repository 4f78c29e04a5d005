import { confidence, createExperience, gain, type Experience } from './support/cold-start.ts';
import { defineBaseline, NOTHING } from './support/define-baseline.ts';
import { createSpeech, worthSaying, type Speech } from './support/speech.ts';

/** Group memberships of the token against those before: what was issued, and whether it changed. */
export const groupMembershipBaseline = defineBaseline<{
  groups: string[];
  known: Experience;
  said: Speech;
}>({
  name: 'group-membership',
  version: '1',
  createState: () => ({ groups: [], known: createExperience(), said: createSpeech() }),
  onEvent(view, state, { mayLearn }) {
    const { identity, time, body } = view.event;
    if (identity === null || (body.kind !== 'session_opened' && body.kind !== 'request')) return NOTHING;
    const groups = [...identity.groups].sort().slice(0, 256);
    const sure = confidence(state.known, time, 10, 2);
    const added = sure > 0 ? groups.filter((group) => !state.groups.includes(group)) : [];
    const gone = sure > 0 ? state.groups.filter((group) => !groups.includes(group)) : [];
    view.setFact('groups_changed', added.length + gone.length > 0);
    if (mayLearn) {
      gain(state.known, time);
      state.groups = groups;
    }
    const risk = added.length > 0 ? 22 : 0;
    if (!worthSaying(state.said, risk, time)) return NOTHING;
    return [
      {
        title: 'New group membership',
        severity: 'low',
        risk,
        reason: `the token names groups that it did not before: ${added.slice(0, 5).join(', ')}`,
        techniques: ['T1098'],
      },
    ];
  },
});
