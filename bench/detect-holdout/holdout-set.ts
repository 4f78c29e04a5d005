/** The hold-out: other work, other attacks, other changes than those that the baselines were made with. */
import type { TrialSet } from '../detection/trial-set.ts';
import { HOLDOUT_ATTACKS } from './attacks.ts';
import { HOLDOUT_BENIGN } from './benign.ts';
import { drawSubject } from './subjects.ts';

export const HOLDOUT_SET: TrialSet = {
  name: 'hold-out',
  // A Monday; clocks in Europe went back on the Sunday before.
  today: Date.UTC(2026, 9, 26),
  historyDays: 28,
  attacks: HOLDOUT_ATTACKS,
  benign: HOLDOUT_BENIGN,
  drawSubject,
};
