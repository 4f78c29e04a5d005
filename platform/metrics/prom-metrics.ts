import client from 'prom-client';
import type { Labels, Metrics } from './metrics.ts';

/** Metrics on a prom-client registry of their own. */
export function createPromMetrics(): Metrics {
  const registry = new client.Registry();
  const existing = <T>(name: string): T | undefined => registry.getSingleMetric(name) as T | undefined;
  return {
    counter(name, help, labelNames = []) {
      const metric =
        existing<client.Counter>(name) ??
        new client.Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
      return {
        add: (amount = 1, labels?: Labels) =>
          labels === undefined ? metric.inc(amount) : metric.inc({ ...labels }, amount),
      };
    },
    gauge(name, help, labelNames = []) {
      const metric =
        existing<client.Gauge>(name) ??
        new client.Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
      return {
        set: (value, labels?: Labels) =>
          labels === undefined ? metric.set(value) : metric.set({ ...labels }, value),
      };
    },
    histogram(name, help, buckets, labelNames = []) {
      const metric =
        existing<client.Histogram>(name) ??
        new client.Histogram({
          name,
          help,
          buckets: [...buckets],
          labelNames: [...labelNames],
          registers: [registry],
        });
      return {
        observe: (value, labels?: Labels) =>
          labels === undefined ? metric.observe(value) : metric.observe({ ...labels }, value),
      };
    },
    expose: () => registry.metrics(),
  };
}
