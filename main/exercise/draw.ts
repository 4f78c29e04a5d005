import type { Random } from '../../platform/clock/clock.ts';
import type { Draw } from './plan.ts';

/** Chance from a random source (seeded, so that a plan can be made again). */
export function createDraw(random: Pick<Random, 'float'>): Draw {
  const between = (low: number, high: number): number => low + Math.floor(random.float() * (high - low + 1));
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
  return {
    between,
    pick: (items) => items[between(0, items.length - 1)]!,
    weighted(items) {
      let left = random.float() * items.reduce((sum, item) => sum + item.weight, 0);
      for (const item of items) {
        left -= item.weight;
        if (left < 0) return item;
      }
      return items.at(-1)!;
    },
    count(mean) {
      const limit = Math.exp(-mean);
      let product = random.float();
      let count = 0;
      while (product > limit) {
        product *= random.float();
        count += 1;
      }
      return count;
    },
    chance: (probability) => random.float() < probability,
    factor: (sigma) => Math.exp(sigma * normal()),
  };
}
