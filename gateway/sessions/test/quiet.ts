/** Logger and metrics that say nothing. */
import type { Logger } from '../../../platform/log/log.ts';
import type { Metrics } from '../../../platform/metrics/metrics.ts';

const nothing = (): void => undefined;
export const quietLog: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => quietLog,
};
export const quietMetrics: Metrics = {
  counter: () => ({ add: nothing }),
  gauge: () => ({ set: nothing }),
  histogram: () => ({ observe: nothing }),
  expose: () => Promise.resolve(''),
};
