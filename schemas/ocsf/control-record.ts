/** What every gateway was told: lockouts, revocations, closures, approvals, grants. */
import type { ControlRecord } from '../types.ts';
import { compact, ocsfEvent, OCSF_CLASSES, STATUS, type OcsfEvent } from './ocsf-event.ts';

interface ControlParts {
  readonly by: string;
  readonly subject: string;
  readonly message: string;
  readonly incidentId?: string | null;
  /** OCSF's activity: true creates, false updates. */
  readonly creates: boolean;
  readonly more: Readonly<Record<string, unknown>>;
}

function controlParts(body: ControlRecord['body']): ControlParts {
  switch (body.kind) {
    case 'lockout':
      return {
        by: body.createdBy,
        subject: body.subject,
        message: body.reason,
        incidentId: body.incidentId,
        creates: body.releasedAt === null,
        more: {
          exercise_id: body.exerciseId,
          subject_kind: body.subjectKind,
          expires_at: body.expiresAt,
          released_by: body.releasedBy,
        },
      };
    case 'token_revocation':
      return {
        by: body.revokedBy,
        subject: body.tokenId,
        message: body.reason,
        incidentId: body.incidentId,
        creates: false,
        more: { expires_at: body.expiresAt },
      };
    case 'incident_closure':
      return {
        by: body.closedBy,
        subject: body.incidentId,
        message: body.note,
        incidentId: body.incidentId,
        creates: false,
        more: { closed_as: body.closedAs },
      };
    case 'approval':
      return {
        by: body.decidedBy.at(-1) ?? body.identityId,
        subject: body.approvalId,
        message: body.reason,
        creates: body.state === 'pending',
        more: {
          state: body.state,
          scope: body.scope,
          identity_id: body.identityId,
          connection: body.connection,
          expires_at: body.validUntil ?? body.expiresAt,
        },
      };
    case 'grant':
      return {
        by: body.endedBy ?? body.identityId,
        subject: body.grantId,
        message: body.reason,
        creates: body.endedAt === null,
        more: {
          name: body.name,
          identity_id: body.identityId,
          connections: body.connections,
          ticket: body.ticket,
          expires_at: body.endsAt,
        },
      };
  }
}

/** A control record as API Activity (6003) on the control API. */
export function controlRecordToOcsf({ body, revision, time }: ControlRecord, id: string): OcsfEvent {
  const { by, subject, message, incidentId, creates, more } = controlParts(body);
  const head = {
    classUid: OCSF_CLASSES.apiActivity,
    activityId: creates ? 1 : 3,
    time,
    uid: `${id}/${revision}`,
    severityId: 1,
    message,
    correlationUid: incidentId ?? null,
  };
  return ocsfEvent(head, {
    status_id: STATUS.success,
    actor: { user: { name: by, type_id: 0 } },
    src_endpoint: { name: 'control API' },
    api: { operation: body.kind, service: { name: 'countersign' } },
    resources: [{ name: subject }],
    unmapped: compact({ revision, ...more }),
  });
}
