import type { DecidedOutcome, Detection, Incident, ResponseStep } from '../../schemas/types.ts';
import { TOPICS } from '../../schemas/topics.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import type { LogWriter } from '../../platform/event-log/event-log.ts';
import type { RespondersDependencies } from '../dependencies.ts';
import { WRITER_HEADER } from './response-ledger.ts';

/** Writes what responders say. While the log is away it tries again; rejects for what lasts, and when the responder stops. */
export interface Publisher {
  response(step: ResponseStep): Promise<void>;
  incident(incident: Incident): Promise<void>;
  decided(detection: Detection, outcome: DecidedOutcome, incidentId: string | null): Promise<void>;
}

/** Trying again does not mend these. */
const LASTING = new Set([
  'EVENT_LOG_FENCED',
  'EVENT_LOG_CLOSED',
  'EVENT_LOG_RECORD_TOO_LARGE',
  'EVENT_LOG_UNKNOWN_TOPIC',
  'EVENT_LOG_UNKNOWN_PARTITION',
]);
const RETRY_DELAY_MS_MIN = 50;
const RETRY_DELAY_MS_MAX = 2000;

export function createPublisher(
  { codecs, clock, log }: Pick<RespondersDependencies, 'codecs' | 'clock' | 'log'>,
  writer: LogWriter,
  writerId: string,
  signal: AbortSignal,
): Publisher {
  const headers = { [WRITER_HEADER]: writerId };
  const append = async (topic: string, key: string | null, value: Buffer): Promise<void> => {
    for (let delayMs = RETRY_DELAY_MS_MIN; ; delayMs = Math.min(RETRY_DELAY_MS_MAX, delayMs * 2)) {
      try {
        await writer.append(topic, [{ key, value, headers }]);
        return;
      } catch (error) {
        if (signal.aborted || (isCountersignError(error) && LASTING.has(error.code))) throw error;
        log.warn({ error, topic, delayMs }, 'the log did not take a record; trying again');
        await clock.sleep(delayMs, signal);
      }
    }
  };
  return {
    response: (step) => append(TOPICS.responses.name, step.incidentId, codecs.response.encode(step)),
    incident: (incident) =>
      append(TOPICS.incidents.name, incident.incidentId, codecs.incident.encode(incident)),
    decided: (detection, outcome, incidentId) =>
      append(
        TOPICS.verdicts.name,
        detection.identityId ?? detection.detectionId,
        codecs.verdict.encode({
          time: clock.now(),
          body: {
            kind: 'decided',
            eventId: detection.eventId,
            detectionId: detection.detectionId,
            outcome,
            incidentId,
          },
        }),
      ),
  };
}
