import { defineBaseline, NOTHING } from './support/define-baseline.ts';
import { createExperience, daysKnown, gain, type Experience } from './support/cold-start.ts';

/** Establishes how well the identity is known, and what the directory and the token say. Finds nothing itself. */
export const identityBaseline = defineBaseline<{ known: Experience }>({
  name: 'identity',
  version: '1',
  createState: () => ({ known: createExperience() }),
  onEvent(view, state, { directory, mayLearn }) {
    const { identity, time } = view.event;
    if (identity === null) return NOTHING;
    view.setFact('identity_events_seen', state.known.seen);
    view.setFact('identity_new', daysKnown(state.known, time) < 3);
    const left = directory.leftAt(identity.id) ?? directory.leftAt(identity.subject);
    view.setFact('identity_left', left !== undefined && left <= time);
    const owner = directory.ownerOf(identity.id) ?? identity.attributes['owner'];
    const ownerLeft = owner === undefined ? undefined : directory.leftAt(owner);
    view.setFact('owner_left', ownerLeft !== undefined && ownerLeft <= time);
    if (identity.issuedAt !== null) {
      view.setFact('token_age_hours', (time - identity.issuedAt) / 3_600_000);
      if (identity.expiresAt !== null)
        view.setFact('token_lifetime_hours', (identity.expiresAt - identity.issuedAt) / 3_600_000);
    }
    if (mayLearn) gain(state.known, time);
    return NOTHING;
  },
});
