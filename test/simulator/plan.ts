/** What kind of installation and how much trouble a seed makes. */
import type { Chance } from './chance.ts';

export type Durability = 'process' | 'power' | 'async';

export interface Plan {
  readonly durability: Durability;
  readonly gateways: number;
  /** When clients stop and everything is healed, milliseconds. */
  readonly activeMs: number;
  readonly clients: number;
  readonly crashes: boolean;
  readonly troubles: boolean;
}

export function drawPlan(chance: Chance): Plan {
  const kind = chance.float();
  return {
    durability: kind < 0.5 ? 'process' : kind < 0.92 ? 'power' : 'async',
    gateways: chance.happens(0.3) ? 2 : 1,
    activeMs: chance.between(1500, 4000),
    clients: chance.whole(2, 4),
    crashes: chance.happens(0.85),
    troubles: chance.happens(0.8),
  };
}
