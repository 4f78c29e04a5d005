import type { Metrics } from '../../platform/metrics/metrics.ts';

const nothing = (): void => undefined;

/** Metrics that count nothing; `silentLogger` of platform/log is their like. */
export const quietMetrics: Metrics = {
  counter: () => ({ add: nothing }),
  gauge: () => ({ set: nothing }),
  histogram: () => ({ observe: nothing }),
  expose: () => Promise.resolve(''),
};
