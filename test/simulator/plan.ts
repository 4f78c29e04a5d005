/** What kind of installation and how much trouble a seed makes. */
import { createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { createChance, type Chance } from './chance.ts';

export type Durability = 'process' | 'power' | 'async';

export interface Plan {
  readonly durability: Durability;
  readonly gateways: number;
  /** Each gateway's wall clock against that of everything else, milliseconds. */
  readonly wallAheadMs: readonly number[];
  /** When clients stop and everything is healed, milliseconds. */
  readonly activeMs: number;
  readonly clients: number;
  readonly crashes: boolean;
  readonly troubles: boolean;
}

export function drawPlan(chance: Chance, seed: number): Plan {
  const kind = chance.float();
  const plan = {
    durability: kind < 0.5 ? 'process' : kind < 0.92 ? 'power' : 'async',
    gateways: chance.happens(0.3) ? 2 : 1,
    activeMs: chance.between(1500, 4000),
    clients: chance.whole(2, 4),
    crashes: chance.happens(0.85),
    troubles: chance.happens(0.8),
  } as const;
  // What was thought of later draws from a source of its own, so that older seeds stay what they were.
  const later = createChance(createSeededRandom(seed + 2_000_000));
  const apart = plan.gateways > 1 && later.happens(0.6) ? later.pick([-5000, -700, 700, 5000]) : 0;
  return { ...plan, wallAheadMs: plan.gateways > 1 ? [0, apart] : [0] };
}
