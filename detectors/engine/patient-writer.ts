import type { Clock } from '../../platform/clock/clock.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import type { LogWriter } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';

const DELAY_MS_MIN = 20;
const DELAY_MS_MAX = 2000;
/** Trying again does not help against these. */
const FINAL: ReadonlySet<string> = new Set([
  'EVENT_LOG_FENCED',
  'EVENT_LOG_CLOSED',
  'EVENT_LOG_CORRUPT',
  'EVENT_LOG_FORMAT',
  'EVENT_LOG_UNKNOWN_TOPIC',
  'EVENT_LOG_UNKNOWN_PARTITION',
  'EVENT_LOG_RECORD_TOO_LARGE',
]);

/** True where trying again later may help: the log is away, not closed or taken over. */
export const mayPass = (error: unknown): boolean => isCountersignError(error) && !FINAL.has(error.code);

export interface PatientWriter extends LogWriter {
  /** True while something waits for the log to come back. */
  waits(): boolean;
}

/**
 * A writer that tries again while the log is away. Records may stand twice then: detections keep their ids, state and verdicts say
 * the same again. `signal` ends the waiting; what is no error of the catalogue is a bug and passes through.
 */
export function createPatientWriter(
  writer: LogWriter,
  deps: { readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): PatientWriter {
  let waiting = 0;
  return {
    waits: () => waiting > 0,
    async append(topic, records) {
      for (let delayMs = DELAY_MS_MIN; ; delayMs = Math.min(DELAY_MS_MAX, delayMs * 2)) {
        try {
          return await writer.append(topic, records);
        } catch (error) {
          if (!mayPass(error) || signal.aborted) throw error;
          deps.log.warn({ error, topic, delayMs }, 'the detectors cannot write; trying again');
          waiting += 1;
          await deps.clock.sleep(delayMs, signal).finally(() => (waiting -= 1));
        }
      }
    },
    close: () => writer.close(),
  };
}
