import { datedId } from '../../platform/digest/dated-id.ts';
import type { Detection } from '../../schemas/types.ts';

/** Id of the incident that a detection opens: shaped as a UUIDv7 of the event's time, so that a replay makes the same. */
export function incidentIdOf(detection: Detection): string {
  return datedId(detection.eventTime, `incident/${detection.detectionId}`);
}

/** What groups detections: credential source, else identity; failing both, where it came from. */
export function groupKeyOf(detection: Detection): string {
  return (
    detection.credentialSource ??
    detection.identityId ??
    (detection.clientIp === null ? `detector:${detection.detector}` : `source:${detection.clientIp}`)
  );
}

/** Incidents of different origins or exercises never mix. */
export function groupOf(part: {
  readonly key: string;
  readonly origin: string;
  readonly exerciseId: string | null;
}): string {
  return JSON.stringify([part.key, part.origin, part.exerciseId]);
}
