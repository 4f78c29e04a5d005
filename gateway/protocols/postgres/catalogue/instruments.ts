/** What the readers of catalogues tell operators. */
import type { Counter, Gauge, Histogram, Metrics } from '../../../../platform/metrics/metrics.ts';

const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

interface ReaderInstruments {
  readonly reads: Counter;
  readonly away: Gauge;
  readonly seconds: Histogram;
}

/** Of all readers, by connection. */
export function createInstruments(metrics: Metrics): ReaderInstruments {
  return {
    reads: metrics.counter(
      'countersign_postgres_catalogue_reads_total',
      'Questions to the catalogues of PostgreSQL targets by outcome: unchanged, changed, definitions, failed.',
      ['connection', 'outcome'],
    ),
    away: metrics.gauge(
      'countersign_postgres_catalogue_away',
      'Whether the catalogue of a PostgreSQL connection cannot be read (1) or can (0).',
      ['connection'],
    ),
    seconds: metrics.histogram(
      'countersign_postgres_catalogue_read_seconds',
      'Time that one look into the catalogue of a PostgreSQL target took.',
      SECONDS,
      ['connection'],
    ),
  };
}
