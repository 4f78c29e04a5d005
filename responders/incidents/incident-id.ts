import { createHash } from 'node:crypto';
import type { Detection } from '../../schemas/types.ts';

/** Id of the incident that a detection opens: shaped as a UUIDv7 of the event's time, so that a replay makes the same. */
export function incidentIdOf(detection: Detection): string {
  const raw = createHash('sha256').update(`incident/${detection.detectionId}`).digest().subarray(0, 16);
  raw.writeUIntBE(Math.min(Math.max(0, Math.floor(detection.eventTime)), 2 ** 48 - 1), 0, 6);
  raw[6] = 0x70 | (raw[6]! & 0x0f);
  raw[8] = 0x80 | (raw[8]! & 0x3f);
  const hex = raw.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
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
