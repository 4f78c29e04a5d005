/** The generators of the exercises: the baselines were tuned on these, so that their figures flatter. */
import { ATTACKS } from '../../main/exercise/attacks.ts';
import { BENIGN_CHANGES } from '../../main/exercise/benign.ts';
import { planDay } from '../../main/exercise/history.ts';
import { drawActor } from '../../main/exercise/jobs.ts';
import type { Actor, Draw, PlannedSession } from '../../main/exercise/plan.ts';
import type { Change, TrialSet } from './trial-set.ts';

interface Library {
  readonly name: string;
  plan(actor: Actor, draw: Draw, dayStart: number): PlannedSession[];
}

const changeOf = ({ name, plan }: Library): Change => ({
  name,
  besideWork: false,
  plan: ({ actor }, draw, dayStart) => plan(actor, draw, dayStart),
});

export const SEED_SET: TrialSet = {
  name: 'seed set',
  // A Monday.
  today: Date.UTC(2026, 5, 15),
  historyDays: 28,
  attacks: ATTACKS.map(changeOf),
  benign: BENIGN_CHANGES.map(changeOf),
  drawSubject(draw, index) {
    const actor = drawActor(draw, index);
    return {
      kind: actor.subject.split('-')[1]!,
      actor,
      planDay: (own, dayStart) => planDay(actor, own, dayStart),
    };
  },
};
