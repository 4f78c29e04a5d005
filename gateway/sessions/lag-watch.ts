/** Says when the detectors lag behind held requests: that is an alert, not a quiet delay. */
import type { Clock, Timer } from '../../platform/clock/clock.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { Holds } from './holds.ts';

const LOOK_MS = 250;

/** Keeps the gauge `countersign_detection_lagging` (0 or 1) and writes each change to the log; ends with the timer. */
export function watchDetectionLag(
  holds: Pick<Holds, 'lagging' | 'waiting'>,
  { clock, log, metrics }: { readonly clock: Clock; readonly log: Logger; readonly metrics: Metrics },
): Timer {
  const gauge = metrics.gauge(
    'countersign_detection_lagging',
    '1 while held requests wait in vain for the detectors.',
  );
  let was = false;
  gauge.set(0);
  return clock.every(LOOK_MS, () => {
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
