/**
 * The state of all incidents in memory: rebuilt from countersign.incidents, closed by countersign.control, changed by the
 * detections of the partitions that this responder has. Deciding is synchronous; writing is the caller's part.
 */
import type { Detection, Incident, IncidentClosure, Lockout } from '../../schemas/types.ts';
import {
  attachDetection,
  closeIncident,
  containIncident,
  openIncident,
  riskOf,
  severityRank,
} from './incident-change.ts';
import { groupKeyOf, groupOf } from './incident-id.ts';
import { createRecentMap } from './recent-map.ts';

export interface IncidentBook {
  /** Takes over a version that the log has; older ones than known are ignored. */
  restore(incident: Incident): void;
  /**
   * Groups a detection: into the open incident of its group, else a new one where it `opens` one. `changed` is false for a
   * detection that is in already (a redelivery). Undefined: it belongs to no incident.
   */
  absorb(
    detection: Detection,
    opens: boolean,
    now: number,
  ): { incident: Incident; changed: boolean } | undefined;
  /** A containment was carried out. Undefined where nothing changes. */
  contain(incidentId: string, lockoutId: string | null, now: number): Incident | undefined;
  /** A person closed it. Undefined where it is unknown or closed already. */
  close(closure: IncidentClosure): Incident | undefined;
  /** A person released a lockout: what comes after it in the same incident may be contained again. */
  noteLockout(lockout: Lockout): void;
  /** How often lockouts of the incident were released. */
  releases(incidentId: string): number;
  get(incidentId: string): Incident | undefined;
}

const DETECTIONS_MAX = 200_000;

/** Does the detection open an incident by itself? */
export const isSerious = (detection: Detection, incidentRiskMin: number): boolean =>
  riskOf(detection) >= incidentRiskMin || severityRank(detection.severity) >= severityRank('high');

export function createIncidentBook(options: { readonly incidentsMax: number }): IncidentBook {
  const byId = createRecentMap<Incident>(options.incidentsMax, (incident) => incident.state !== 'closed');
  const openByGroup = createRecentMap<string>(options.incidentsMax);
  const incidentOfDetection = createRecentMap<string>(DETECTIONS_MAX);
  const released = createRecentMap<Set<string>>(options.incidentsMax);

  const keep = (incident: Incident): Incident => {
    byId.set(incident.incidentId, incident);
    const group = groupOf(incident);
    if (incident.state !== 'closed') openByGroup.set(group, incident.incidentId);
    else if (openByGroup.get(group) === incident.incidentId) openByGroup.delete(group);
    const newest = incident.detections.at(-1);
    if (newest !== undefined) incidentOfDetection.set(newest, incident.incidentId);
    return incident;
  };
  return {
    restore(incident) {
      const known = byId.get(incident.incidentId);
      if (known !== undefined && known.version >= incident.version) return;
      for (const id of incident.detections) incidentOfDetection.set(id, incident.incidentId);
      keep(incident);
    },
    absorb(detection, opens, now) {
      const seenIn = incidentOfDetection.get(detection.detectionId);
      const seen = seenIn === undefined ? undefined : byId.get(seenIn);
      if (seen !== undefined) return { incident: seen, changed: false };
      const group = groupOf({ ...detection, key: groupKeyOf(detection) });
      const openId = openByGroup.get(group);
      const open = openId === undefined ? undefined : byId.get(openId);
      if (open !== undefined) return { incident: keep(attachDetection(open, detection, now)), changed: true };
      return opens ? { incident: keep(openIncident(detection, now)), changed: true } : undefined;
    },
    contain(incidentId, lockoutId, now) {
      const incident = byId.get(incidentId);
      if (incident === undefined) return undefined;
      const known = lockoutId === null || incident.lockouts.includes(lockoutId);
      if (known && incident.state !== 'open') return undefined;
      return keep(containIncident(incident, lockoutId, now));
    },
    close(closure) {
      const incident = byId.get(closure.incidentId);
      if (incident === undefined || incident.state === 'closed') return undefined;
      return keep(closeIncident(incident, closure));
    },
    noteLockout({ incidentId, lockoutId, releasedAt }) {
      if (incidentId === null || releasedAt === null) return;
      const ids = released.get(incidentId) ?? new Set<string>();
      ids.add(lockoutId);
      released.set(incidentId, ids);
    },
    releases: (incidentId) => released.get(incidentId)?.size ?? 0,
    get: (incidentId) => byId.get(incidentId),
  };
}
