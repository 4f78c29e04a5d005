/** Says when the detectors lag behind held requests: that is an alert, not a quiet delay. */
import type { Clock, Timer } from '../../platform/clock/clock.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { Holds } from './holds.ts';

const LOOK_MS = 250;

/**
 * Keeps the gauges `countersign_detection_lagging` (0 or 1) and `countersign_hold_bound_ms`, and writes each change of the first to the log; ends
 * with the timer.
 */
export function watchDetectionLag(
  holds: Pick<Holds, 'lagging' | 'waiting' | 'boundMs'>,
  { clock, log, metrics }: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics },
): Timer {
  const gauge = metrics.gauge(
    'countersign_detection_lagging',
    '1 while held requests wait in vain for the detectors.',
  );
  const bound = metrics.gauge(
    'countersign_hold_bound_ms',
    'How long a request is held at most: as configured, and at least four times what the event log takes (p99).',
  );
  let was = false;
  bound.set(holds.boundMs());
  gauge.set(0);
  return clock.every(LOOK_MS, () => {
    bound.set(holds.boundMs());
    const now = holds.lagging();
    if (now === was) return;
    was = now;
    gauge.set(now ? 1 : 0);
    if (now)
      log.error(
        { waiting: holds.waiting() },
        'the detectors lag or are gone: high-risk requests follow onDetectionLag',
      );
    else log.info({}, 'the detectors have caught up');
  });
}
