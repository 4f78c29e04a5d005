/** What a sink counts. */
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { SendOutcome } from './sink.ts';

export interface SinkMeters {
  record(topic: string, outcome: 'delivered' | 'filtered' | 'dead-letter'): void;
  sent(outcome: SendOutcome, durationUs: number): void;
  up(isUp: boolean): void;
  lag(topic: string, records: number): void;
}

const BUCKETS_SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createSinkMeters(metrics: Metrics, sink: string): SinkMeters {
  const records = metrics.counter('countersign_sink_records_total', 'Records by what became of them.', [
    'sink',
    'topic',
    'outcome',
  ]);
  const sends = metrics.counter('countersign_sink_sends_total', 'Tries by how they ended.', [
    'sink',
    'outcome',
  ]);
  const seconds = metrics.histogram(
    'countersign_sink_send_seconds',
    'How long a try took.',
    BUCKETS_SECONDS,
    ['sink'],
  );
  const up = metrics.gauge('countersign_sink_up', 'Whether the receiver took the last batch.', ['sink']);
  const lag = metrics.gauge('countersign_sink_lag_records', 'Records that wait in the log.', [
    'sink',
    'topic',
  ]);
  return {
    record: (topic, outcome) => records.add(1, { sink, topic, outcome }),
    sent(outcome, durationUs) {
      sends.add(1, {
        sink,
        outcome: outcome.outcome === 'failed' ? `failed-${outcome.cause}` : outcome.outcome,
      });
      seconds.observe(durationUs / 1e6, { sink });
    },
    up: (isUp) => up.set(isUp ? 1 : 0, { sink }),
    lag: (topic, count) => lag.set(count, { sink, topic }),
  };
}
