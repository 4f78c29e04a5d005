/** A quantile that forgets: counts in buckets that grow by a tenth, of which each observation takes a little away. */
export interface DecayedQuantile {
  observe(value: number): void;
  /** The value that `share` of the recent observations do not exceed, at most a tenth too high; undefined before the first. */
  quantile(share: number): number | undefined;
}

const GROWTH = 1.1;
const BUCKETS = 256;
/** A thousand observations back, half of the weight is gone. */
const KEEP = 0.5 ** (1 / 1000);

export function createDecayedQuantile(): DecayedQuantile {
  const counts = new Float64Array(BUCKETS);
  // Instead of shrinking all counts, each observation weighs more than the one before.
  let weight = 1;
  return {
    observe(value) {
      const bucket = Math.ceil(Math.log(Math.max(1, value)) / Math.log(GROWTH));
      counts[Math.min(BUCKETS - 1, bucket)]! += weight;
      weight /= KEEP;
      if (weight < 1e100) return;
      for (let at = 0; at < BUCKETS; at += 1) counts[at]! /= weight;
      weight = 1;
    },
    quantile(share) {
      const total = counts.reduce((sum, count) => sum + count, 0);
      if (total === 0) return undefined;
      let sum = 0;
      for (let at = 0; at < BUCKETS; at += 1) {
        sum += counts[at]!;
        if (sum >= total * share) return GROWTH ** at;
      }
      return GROWTH ** (BUCKETS - 1);
    },
  };
}
