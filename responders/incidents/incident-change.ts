/** The changes of an incident, as pure functions: each gives the next version. */
import type { Closure, Detection, Incident, Severity } from '../../schemas/types.ts';
import { groupKeyOf, incidentIdOf } from './incident-id.ts';

const LIST_MAX = 1000;
const SUMMARY_CHARACTERS_MAX = 2000;
const SEVERITIES: readonly Severity[] = ['informational', 'low', 'medium', 'high', 'critical'];

export const severityRank = (severity: Severity): number => SEVERITIES.indexOf(severity);

/** The list with `id` as its newest entry; over the bound the oldest entries go. */
function withId(list: readonly string[], id: string | null): string[] {
  if (id === null || list.includes(id)) return [...list];
  return [...list, id].slice(-LIST_MAX);
}

const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

function summarise(incident: Incident, latest: Detection): string {
  const who =
    incident.identities.length === 0
      ? 'an unknown identity'
      : plural(incident.identities.length, 'identity', 'identities');
  const text =
    `${plural(incident.detectionCount, 'detection')} about ${who} of ${incident.key}` +
    `${incident.connections.length === 0 ? '' : ` on ${incident.connections.slice(-5).join(', ')}`}; ` +
    `risk ${Math.round(incident.risk)} of 100. Latest: ${latest.title}: ${latest.reason}`;
  return text.slice(0, SUMMARY_CHARACTERS_MAX);
}

/** Higher of the detection's own risk and its identity's. */
export const riskOf = (detection: Detection): number => Math.max(detection.risk, detection.identityRisk);

/** The first version of the incident that a detection opens. */
export function openIncident(detection: Detection, now: number): Incident {
  const empty: Incident = {
    incidentId: incidentIdOf(detection),
    version: 0,
    state: 'open',
    closedAs: null,
    closedBy: null,
    openedAt: detection.eventTime,
    updatedAt: now,
    title: detection.title,
    severity: detection.severity,
    risk: 0,
    summary: '',
    key: groupKeyOf(detection),
    origin: detection.origin,
    exerciseId: detection.exerciseId,
    identities: [],
    sessions: [],
    tokens: [],
    connections: [],
    detections: [],
    detectionCount: 0,
    lockouts: [],
  };
  return attachDetection(empty, detection, now);
}

/** The incident with one more detection. The title stays that of the most severe one. */
export function attachDetection(incident: Incident, detection: Detection, now: number): Incident {
  const worse = severityRank(detection.severity) > severityRank(incident.severity);
  const next: Incident = {
    ...incident,
    version: incident.version + 1,
    updatedAt: now,
    title: worse ? detection.title : incident.title,
    severity: worse ? detection.severity : incident.severity,
    risk: Math.max(incident.risk, riskOf(detection)),
    identities: withId(incident.identities, detection.identityId),
    sessions: withId(incident.sessions, detection.sessionId),
    tokens: withId(incident.tokens, detection.tokenId),
    connections: withId(incident.connections, detection.connection),
    detections: withId(incident.detections, detection.detectionId),
    detectionCount: incident.detectionCount + 1,
  };
  return { ...next, summary: summarise(next, detection) };
}

/** The incident with a containment carried out. */
export function containIncident(incident: Incident, lockoutId: string | null, now: number): Incident {
  return {
    ...incident,
    version: incident.version + 1,
    state: incident.state === 'closed' ? 'closed' : 'contained',
    updatedAt: now,
    lockouts: withId(incident.lockouts, lockoutId),
  };
}

export function closeIncident(
  incident: Incident,
  closure: { readonly closedAs: Closure; readonly closedBy: string; readonly closedAt: number },
): Incident {
  return {
    ...incident,
    version: incident.version + 1,
    state: 'closed',
    closedAs: closure.closedAs,
    closedBy: closure.closedBy,
    updatedAt: closure.closedAt,
  };
}
