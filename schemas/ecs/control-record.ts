import type { ControlRecord } from '../types.ts';
import { createEcsBuilder, type EcsBuilder, type EcsDocument } from './ecs-document.ts';

/** Id of a control record's document: kind and record id; a higher revision replaces it. */
export function controlRecordId({ body }: ControlRecord): string {
  if (body.kind === 'lockout') return `lockout/${body.lockoutId}`;
  if (body.kind === 'token_revocation') return `token_revocation/${body.tokenId}`;
  return `incident_closure/${body.incidentId}`;
}

function setControlBody(ecs: EcsBuilder, body: ControlRecord['body']): void {
  switch (body.kind) {
    case 'lockout':
      ecs
        .set('countersign.lockout.id', body.lockoutId)
        .set('countersign.lockout.subject_kind', body.subjectKind)
        .set('countersign.lockout.subject', body.subject)
        .set('event.reason', body.reason)
        .set('countersign.incident.id', body.incidentId)
        .set('countersign.exercise_id', body.exerciseId)
        .set('countersign.actor', body.createdBy)
        .set('event.start', body.createdAt)
        .set('countersign.lockout.expires_at', body.expiresAt)
        .set('event.end', body.releasedAt)
        .set('countersign.lockout.released_by', body.releasedBy)
        .relate('user', body.createdBy, body.releasedBy);
      return;
    case 'token_revocation':
      ecs
        .set('countersign.identity.token_id', body.tokenId)
        .set('user.id', body.identityId)
        .set('countersign.identity.expires_at', body.expiresAt)
        .set('event.reason', body.reason)
        .set('countersign.incident.id', body.incidentId)
        .set('countersign.actor', body.revokedBy)
        .set('event.start', body.revokedAt)
        .relate('user', body.identityId, body.revokedBy);
      return;
    case 'incident_closure':
      ecs
        .set('countersign.incident.id', body.incidentId)
        .set('countersign.incident.closed_as', body.closedAs)
        .set('countersign.actor', body.closedBy)
        .set('event.start', body.closedAt)
        .set('event.reason', body.note)
        .relate('user', body.closedBy);
  }
}

/** A control record as an ECS document. */
export function controlRecordToEcs(record: ControlRecord): EcsDocument {
  const ecs = createEcsBuilder(record.time, 'countersign.control')
    .set('event.id', controlRecordId(record))
    .set('event.kind', 'event')
    .set('event.category', ['iam'])
    .set('event.type', ['change'])
    .set('event.action', record.body.kind)
    .set('countersign.control_revision', record.revision);
  setControlBody(ecs, record.body);
  return ecs.build();
}
