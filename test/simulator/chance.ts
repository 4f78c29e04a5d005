/** What a seed decides. */
import type { Random } from '../../platform/clock/clock.ts';

export interface Chance {
  float(): number;
  /** True so often, 0 to 1. */
  happens(probability: number): boolean;
  /** A number from `min` to below `max`. */
  between(min: number, max: number): number;
  /** A whole number from `min` to `max`. */
  whole(min: number, max: number): number;
  pick<T>(items: readonly T[]): T;
}

export function createChance(random: Random): Chance {
  const between = (min: number, max: number): number => min + random.float() * (max - min);
  const whole = (min: number, max: number): number => Math.floor(between(min, max + 1));
  return {
    float: () => random.float(),
    happens: (probability) => random.float() < probability,
    between,
    whole,
    pick: (items) => items[whole(0, items.length - 1)]!,
  };
}
