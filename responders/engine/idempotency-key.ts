import { sha256Hex } from '../../platform/digest/sha256.ts';

/**
 * Key under which a step takes effect once. `releases` counts how often a person released a lockout of the incident: what the
 * same playbook does after that is a new effect.
 */
export function idempotencyKeyOf(part: {
  readonly incidentId: string;
  readonly playbook: string;
  readonly step: string;
  readonly subject: string;
  readonly releases: number;
}): string {
  const { incidentId, playbook, step, subject, releases } = part;
  const parts = [incidentId, playbook, step, subject, ...(releases === 0 ? [] : [releases])];
  return sha256Hex(JSON.stringify(parts), 32);
}
