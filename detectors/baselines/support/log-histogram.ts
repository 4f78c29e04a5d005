/** Decayed histogram on a logarithmic scale (quarter octaves): robust quantiles of rows, bytes and rates in bounded space. */
import { decayed, HALF_LIFE_MS } from './known-items.ts';

/** Bucket of value v: round(4 * log2(1 + v)); 2^64 lands in bucket 256. */
const STEPS_PER_OCTAVE = 4;

export interface LogHistogram {
  buckets: Map<number, number>;
  total: number;
  at: number;
}

export const createLogHistogram = (): LogHistogram => ({ buckets: new Map(), total: 0, at: 0 });

/** Adds a value >= 0. Old weight fades with the half-life; the fading is applied in steps of a day. */
export function learnValue(histogram: LogHistogram, value: number, at: number): void {
  if (histogram.at === 0) histogram.at = at;
  if (at - histogram.at >= 86_400_000) {
    const factor = decayed(1, at - histogram.at, HALF_LIFE_MS);
    histogram.total = 0;
    for (const [bucket, weight] of histogram.buckets) {
      const left = weight * factor;
      if (left < 0.01) {
        histogram.buckets.delete(bucket);
        orders.delete(histogram.buckets);
      } else {
        histogram.buckets.set(bucket, left);
        histogram.total += left;
      }
    }
    histogram.at = at;
  }
  const bucket = Math.round(STEPS_PER_OCTAVE * Math.log2(1 + Math.max(0, value)));
  const before = histogram.buckets.get(bucket);
  if (before === undefined) orders.delete(histogram.buckets);
  histogram.buckets.set(bucket, (before ?? 0) + 1);
  histogram.total += 1;
}

/** Buckets change rarely, weights with each value: the order is kept until a bucket comes or goes. */
const orders = new WeakMap<Map<number, number>, number[]>();

function orderOf(buckets: Map<number, number>): number[] {
  const known = orders.get(buckets);
  if (known !== undefined) return known;
  const made = [...buckets.keys()].sort((a, b) => a - b);
  orders.set(buckets, made);
  return made;
}

/** Value at quantile q (0 to 1); undefined while nothing is known. Exact to 19 % (a quarter octave). */
export function quantileOf(histogram: LogHistogram, q: number): number | undefined {
  if (histogram.total <= 0) return undefined;
  const sorted = orderOf(histogram.buckets);
  let left = q * histogram.total;
  for (const bucket of sorted) {
    left -= histogram.buckets.get(bucket)!;
    if (left <= 1e-9) return 2 ** (bucket / STEPS_PER_OCTAVE) - 1;
  }
  return 2 ** (sorted.at(-1)! / STEPS_PER_OCTAVE) - 1;
}
