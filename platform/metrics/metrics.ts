/** Counters, gauges and histograms as an argument. The adapter is prom-client; /metrics prints it in OpenMetrics text. */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(amount?: number, labels?: Labels): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** Asking twice for one name gives the same instrument. Names are snake_case with the unit last, prefixed `countersign_`. */
export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge;
  histogram(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames?: readonly string[],
  ): Histogram;
  /** OpenMetrics or Prometheus text of all instruments. */
  expose(): Promise<string>;
}
