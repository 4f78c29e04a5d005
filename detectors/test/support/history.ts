/** One actor's weeks and what follows, as events. */
import { ATTACKS } from '../../../main/exercise/attacks.ts';
import { createDraw } from '../../../main/exercise/draw.ts';
import { planHistory } from '../../../main/exercise/history.ts';
import { drawActor } from '../../../main/exercise/jobs.ts';
import { createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import type { SessionEvent } from '../../../schemas/types.ts';
import { planEvents } from './events.ts';
import { DAY_MS, TODAY } from './trial.ts';

export function attackedHistory(
  seed: number,
  days: number,
  attack = 'stolen-token',
  job = 'deploy',
): { history: SessionEvent[]; attack: SessionEvent[] } {
  const random = createSeededRandom(seed);
  const draw = createDraw(random);
  const actor = { ...drawActor(draw, seed, job), timeZone: 'UTC' };
  const history = planEvents(actor, planHistory(actor, draw, TODAY, days), random);
  const plan = ATTACKS.find(({ name }) => name === attack)!.plan(actor, draw, TODAY + DAY_MS);
  return { history, attack: planEvents(actor, plan, random) };
}
