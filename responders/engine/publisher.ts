import type { DecidedOutcome, Detection, Incident, ResponseStep } from '../../schemas/types.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { LogWriter } from '../../platform/event-log/event-log.ts';
import type { RespondersDependencies } from '../dependencies.ts';
import { WRITER_HEADER } from './response-ledger.ts';

/** Writes what responders say. Everything resolves when the log has it; rejections are for the role (fenced, closed). */
export interface Publisher {
  response(step: ResponseStep): Promise<void>;
  incident(incident: Incident): Promise<void>;
  decided(detection: Detection, outcome: DecidedOutcome, incidentId: string | null): Promise<void>;
}

export function createPublisher(
  { codecs, clock }: Pick<RespondersDependencies, 'codecs' | 'clock'>,
  writer: LogWriter,
  writerId: string,
): Publisher {
  const headers = { [WRITER_HEADER]: writerId };
  const append = async (topic: string, key: string | null, value: Buffer): Promise<void> => {
    await writer.append(topic, [{ key, value, headers }]);
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
