import type { Clock } from '../../../platform/clock/clock.ts';

/** A bucket for each key: so many at once, filled again at a rate. Keys are bounded; the oldest go. */
export interface RateBound {
  /** Takes one; false where the bucket is empty. */
  take(key: string): boolean;
  /** Is there one to take? Takes nothing. */
  has(key: string): boolean;
}

interface Bucket {
  left: number;
  atUs: number;
}

const KEYS_MAX = 10_000;

export function createRateBound(
  clock: Clock,
  options: { readonly perSecond: number; readonly burst: number },
): RateBound {
  const buckets = new Map<string, Bucket>();
  const bucketOf = (key: string): Bucket => {
    const nowUs = clock.monotonicUs();
    const bucket = buckets.get(key) ?? { left: options.burst, atUs: nowUs };
    bucket.left = Math.min(options.burst, bucket.left + ((nowUs - bucket.atUs) / 1e6) * options.perSecond);
    bucket.atUs = nowUs;
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > KEYS_MAX) buckets.delete(buckets.keys().next().value!);
    return bucket;
  };
  return {
    take(key) {
      const bucket = bucketOf(key);
      if (bucket.left < 1) return false;
      bucket.left -= 1;
      return true;
    },
    has: (key) => bucketOf(key).left >= 1,
  };
}
