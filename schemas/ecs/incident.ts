import type { Incident } from '../types.ts';
import { createEcsBuilder, severityNumber, type EcsDocument } from './ecs-document.ts';

/** An incident's state as an ECS document; its id is the incident id, a higher version replaces it. `@timestamp` is the last change. */
export function incidentToEcs(incident: Incident): EcsDocument {
  return createEcsBuilder(incident.updatedAt, 'countersign.incidents')
    .set('event.id', incident.incidentId)
    .set('event.kind', 'alert')
    .set('event.category', ['intrusion_detection'])
    .set('event.type', ['info'])
    .set('event.action', `incident_${incident.state}`)
    .set('event.start', incident.openedAt)
    .set('event.severity', severityNumber(incident.severity))
    .set('event.risk_score', incident.risk)
    .set('event.reason', incident.summary)
    .set('message', incident.title)
    .set('countersign.incident.id', incident.incidentId)
    .set('countersign.incident.version', incident.version)
    .set('countersign.incident.state', incident.state)
    .set('countersign.incident.severity', incident.severity)
    .set('countersign.incident.closed_as', incident.closedAs)
    .set('countersign.incident.closed_by', incident.closedBy)
    .set('countersign.incident.key', incident.key)
    .set('countersign.origin', incident.origin)
    .set('countersign.exercise_id', incident.exerciseId)
    .set('user.id', incident.identities)
    .set('countersign.session.id', incident.sessions)
    .set('countersign.identity.token_id', incident.tokens)
    .set('countersign.connection', incident.connections)
    .set('countersign.detection.ids', incident.detections)
    .set('countersign.incident.detection_count', incident.detectionCount)
    .set('countersign.lockout.id', incident.lockouts)
    .relate('user', ...incident.identities, incident.closedBy)
    .build();
}
