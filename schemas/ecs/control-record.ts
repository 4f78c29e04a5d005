import { controlKey } from '../control-key.ts';
import type { ControlRecord } from '../types.ts';
import { createEcsBuilder, type EcsDocument, type EcsFields } from './ecs-document.ts';

/** Id of a control record's document; a higher revision replaces it. */
export const controlRecordId = ({ body }: ControlRecord): string => controlKey(body);

function setControlBody(ecs: EcsFields, body: ControlRecord['body']): void {
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
      return;
    case 'approval':
      ecs
        .set('countersign.approval.id', body.approvalId)
        .set('countersign.approval.state', body.state)
        .set('countersign.approval.scope', body.scope)
        .set('countersign.approval.binding', body.binding)
        .set('countersign.approval.decided_by', body.decidedBy)
        .set('countersign.approval.expires_at', body.expiresAt)
        .set('countersign.approval.valid_until', body.validUntil)
        .set('countersign.connection', body.connection)
        .set('countersign.session.id', body.sessionId)
        .set('rule.name', body.rule)
        .set('user.id', body.identityId)
        .set('event.start', body.requestedAt)
        .set('event.reason', body.reason)
        .relate('user', body.identityId, ...body.decidedBy);
      return;
    case 'grant':
      ecs
        .set('countersign.grant.id', body.grantId)
        .set('countersign.grant.name', body.name)
        .set('countersign.grant.connections', body.connections)
        .set('countersign.grant.actions', body.actions)
        .set('countersign.grant.objects', body.objects)
        .set('countersign.grant.target_role', body.targetRole)
        .set('countersign.grant.ticket', body.ticket)
        .set('countersign.grant.ends_at', body.endsAt)
        .set('countersign.approval.id', body.approvalId)
        .set('countersign.actor', body.endedBy)
        .set('user.id', body.identityId)
        .set('event.start', body.startsAt)
        .set('event.end', body.endedAt)
        .set('event.reason', body.reason)
        .relate('user', body.identityId, body.endedBy);
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
