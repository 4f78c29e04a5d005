/** Failed logins per source network: a bucket that fills with each failure and leaks with time. */
import type { Clock } from '../../../platform/clock/clock.ts';
import { sourceNetwork } from '../../../platform/network/address.ts';

export interface LoginThrottle {
  /** Seconds until the network may try again; 0: now. */
  retryAfterSeconds(address: string): number;
  failed(address: string): void;
}

export interface LoginThrottleConfig {
  /** Failures at once before a network must wait. */
  readonly failuresMax: number;
  /** One failure is forgotten in this time. */
  readonly forgetMs: number;
  /** Networks remembered; the one seen longest ago goes first. */
  readonly networksMax: number;
}

/** A peer without an address has hung up; all of those count together. */
const networkOf = (address: string): string => sourceNetwork(address) ?? 'unknown';

export const THROTTLE_DEFAULTS: LoginThrottleConfig = {
  failuresMax: 20,
  forgetMs: 3_000,
  networksMax: 10_000,
};

export function createLoginThrottle(clock: Clock, config = THROTTLE_DEFAULTS): LoginThrottle {
  const buckets = new Map<string, { level: number; atMs: number }>();
  const nowMs = (): number => clock.monotonicUs() / 1000;
  const levelOf = (bucket: { level: number; atMs: number }): number =>
    Math.max(0, bucket.level - (nowMs() - bucket.atMs) / config.forgetMs);
  return {
    retryAfterSeconds(address) {
      const bucket = buckets.get(networkOf(address));
      if (bucket === undefined) return 0;
      const over = levelOf(bucket) - (config.failuresMax - 1);
      return over <= 0 ? 0 : Math.ceil((over * config.forgetMs) / 1000);
    },
    failed(address) {
      const network = networkOf(address);
      const bucket = buckets.get(network);
      const level = Math.min(config.failuresMax, (bucket === undefined ? 0 : levelOf(bucket)) + 1);
      // Deleting first keeps the map in order of the last failure.
      buckets.delete(network);
      buckets.set(network, { level, atMs: nowMs() });
      if (buckets.size > config.networksMax) {
        for (const oldest of buckets.keys()) {
          buckets.delete(oldest);
          break;
        }
      }
    },
  };
}
