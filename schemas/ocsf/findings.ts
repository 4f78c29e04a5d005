/** Detections, incidents and what was done about them. */
import { isIP } from 'node:net';
import { isSubtechnique, mainTechnique } from '../ecs/techniques.ts';
import type { Detection, Incident, ResponseStep } from '../types.ts';
import {
  compact,
  ocsfEvent,
  OCSF_CLASSES,
  OTHER,
  severityId,
  STATUS,
  type OcsfEvent,
  type OcsfObject,
} from './ocsf-event.ts';

const ANALYTICS = { rule: 1, baseline: 3, risk: 2, integrity: OTHER } as const;

function attack(technique: string): OcsfObject {
  const main = { uid: mainTechnique(technique) };
  return isSubtechnique(technique)
    ? { technique: main, sub_technique: { uid: technique } }
    : { technique: main };
}

/** A detection as a Detection Finding (2004). */
export function detectionToOcsf(detection: Detection): OcsfEvent {
  const head = {
    classUid: OCSF_CLASSES.detectionFinding,
    activityId: 1,
    time: detection.detectedAt,
    uid: detection.detectionId,
    severityId: severityId(detection.severity),
    message: detection.title,
    correlationUid: detection.sessionId,
  };
  const resources = [detection.connection, detection.identityId, detection.sessionId].filter(
    (name) => name !== null,
  );
  return ocsfEvent(head, {
    status_id: 1,
    is_alert: true,
    finding_info: compact({
      uid: detection.detectionId,
      title: detection.title,
      desc: detection.reason,
      created_time: detection.detectedAt,
      first_seen_time: detection.eventTime,
      analytic: {
        name: detection.detector,
        type: detection.detectorKind,
        type_id: ANALYTICS[detection.detectorKind],
        version: detection.detectorVersion,
      },
      attacks: detection.techniques.map(attack),
      types: detection.tags,
      related_events: detection.evidence.map((uid) => ({ uid })),
    }),
    resources: resources.map((name) => ({ name })),
    risk_score: Math.round(detection.risk),
    unmapped: compact({
      origin: detection.origin,
      exercise_id: detection.exerciseId,
      live: detection.live,
      identity: detection.identityId,
      identity_kind: detection.identityKind,
      credential_source: detection.credentialSource,
      token_id: detection.tokenId,
      session_id: detection.sessionId,
      request_id: detection.requestId,
      connection: detection.connection,
      event_id: detection.eventId,
      client_ip: detection.clientIp !== null && isIP(detection.clientIp) > 0 ? detection.clientIp : undefined,
      figures: detection.figures.map(({ name, value, usual }) => compact({ name, value, usual })!),
    }),
  });
}

const INCIDENT_STATES = { open: [1, 1], contained: [2, 2], closed: [3, 5] } as const;
const VERDICTS = { benign: 5, confirmed: 2, duplicate: 10 } as const;

/** An incident's state as an Incident Finding (2005). */
export function incidentToOcsf(incident: Incident): OcsfEvent {
  const [activityId, statusId] = INCIDENT_STATES[incident.state];
  const head = {
    classUid: OCSF_CLASSES.incidentFinding,
    // A later change of an open incident is an update.
    activityId: incident.state === 'open' && incident.version > 1 ? 2 : activityId,
    time: incident.updatedAt,
    uid: `${incident.incidentId}/${incident.version}`,
    severityId: severityId(incident.severity),
    message: incident.title,
    correlationUid: incident.incidentId,
    sequence: incident.version,
  };
  return ocsfEvent(head, {
    status_id: statusId,
    desc: incident.summary,
    start_time: incident.openedAt,
    end_time: incident.updatedAt,
    verdict_id: incident.closedAs === null ? undefined : VERDICTS[incident.closedAs],
    ...(incident.closedBy === null
      ? { assignee_group: { name: 'security operations' } }
      : { assignee: { name: incident.closedBy, type_id: 1 } }),
    finding_info_list: [
      compact({
        uid: incident.incidentId,
        title: incident.title,
        desc: incident.summary,
        created_time: incident.openedAt,
        modified_time: incident.updatedAt,
        related_events: incident.detections.map((uid) => ({ uid })),
        related_events_count: incident.detectionCount,
      })!,
    ],
    unmapped: compact({
      origin: incident.origin,
      exercise_id: incident.exerciseId,
      key: incident.key,
      state: incident.state,
      risk: incident.risk,
      identities: incident.identities,
      sessions: incident.sessions,
      tokens: incident.tokens,
      connections: incident.connections,
      lockouts: incident.lockouts,
    }),
  });
}

const STEP_STATUS = { done: STATUS.success, undone: STATUS.success, failed: STATUS.failure } as const;

/** A response step as Remediation Activity (7001): containment is Isolate, undoing it Restore. */
export function responseStepToOcsf(step: ResponseStep): OcsfEvent {
  const head = {
    classUid: OCSF_CLASSES.remediationActivity,
    activityId: step.state === 'undone' ? 3 : 1,
    time: step.time,
    uid: `${step.responseId}:${step.state}`,
    severityId: 1,
    message: step.detail,
    correlationUid: step.incidentId,
  };
  return ocsfEvent(head, {
    command_uid: step.idempotencyKey,
    status_id:
      step.state in STEP_STATUS ? STEP_STATUS[step.state as keyof typeof STEP_STATUS] : STATUS.unknown,
    status_detail: step.state,
    duration: Math.round(step.durationUs / 1000),
    unmapped: compact({
      action: step.action,
      subject: step.subject,
      playbook: step.playbook,
      playbook_version: step.playbookVersion,
      step: step.step,
      detection_id: step.detectionId,
      exercise_id: step.exerciseId,
    }),
  });
}
