/** What happened: one mapping per kind of session event. */
import type { DecisionRef, Request, Response, SessionEvent } from '../types.ts';
import { severityNumber, type EcsFields } from './ecs-document.ts';

export type SessionBody = SessionEvent['body'];
export type BodyOf<K extends SessionBody['kind']> = Extract<SessionBody, { kind: K }>;

/** event.category and event.type, from the values that ECS allows. */
export const CATEGORIES: Readonly<Record<SessionBody['kind'], readonly [string, string]>> = {
  session_opened: ['session', 'start'],
  session_refused: ['authentication', 'start'],
  request: ['database', 'access'],
  decision: ['iam', 'info'],
  response: ['database', 'info'],
  data: ['session', 'info'],
  approval_requested: ['iam', 'info'],
  approval_decided: ['iam', 'change'],
  credential_issued: ['iam', 'creation'],
  control_action: ['configuration', 'change'],
  checkpoint: ['session', 'info'],
  heartbeat: ['host', 'info'],
  session_closed: ['session', 'end'],
};

const LIST_PART_MAX = 500;
const unique = (values: readonly (string | null)[]): string[] => {
  const [first] = values;
  // Most requests do one thing.
  if (values.length === 1) return first === null || first === undefined ? [] : [first];
  return [...new Set(values.filter((value) => value !== null))].slice(0, LIST_PART_MAX);
};

function setDecision(ecs: EcsFields, decision: DecisionRef): void {
  ecs
    .set('countersign.decision.id', decision.decisionId)
    .set('countersign.decision.outcome', decision.outcome)
    .set('countersign.decision.rule', decision.rule)
    .set('countersign.decision.reason', decision.reason);
}

function setRequest(ecs: EcsFields, body: Request): void {
  const { actions } = body;
  ecs
    .set('event.outcome', body.decision.outcome === 'deny' ? 'failure' : 'unknown')
    .set('event.severity', severityNumber(body.risk))
    .set('message', body.text)
    .set('countersign.request.verb', body.verb)
    .setBase64('countersign.request.text_base64', body.textBytes)
    .set('countersign.request.text_length', body.textLength)
    .setHex('countersign.request.text_digest', body.textDigest)
    .set('countersign.request.fingerprint', body.fingerprint)
    .set('countersign.request.risk', body.risk)
    .set('countersign.request.actions', unique(actions.map(({ action }) => action)))
    .set('countersign.request.object_kinds', unique(actions.map(({ objectKind }) => objectKind)))
    .set('countersign.request.objects', unique(actions.map(({ object }) => object)))
    .set('countersign.request.columns', unique(actions.flatMap(({ columns }) => columns)))
    // A flat document loses which action goes with which object; these keep it.
    .set(
      'countersign.request.touched',
      unique(
        actions.map(({ action, objectKind, object, whole }) =>
          [action, objectKind, object, whole ? 'whole' : null].filter((part) => part !== null).join(' '),
        ),
      ),
    )
    .set(
      'countersign.request.whole',
      actions.some(({ whole }) => whole),
    )
    .set('countersign.request.parameter_count', body.parameterCount)
    .setHex('countersign.request.parameters_digest', body.parametersDigest);
  setDecision(ecs, body.decision);
}

function setResponse(ecs: EcsFields, body: Response): void {
  ecs
    .set('event.outcome', body.status === 'ok' ? 'success' : 'failure')
    .set('event.duration', body.durationUs * 1000)
    .set('countersign.response.status', body.status)
    .set('countersign.response.rows', body.rows)
    .set('destination.bytes', body.bytes)
    .set('countersign.response.tag', body.tag)
    .set('error.code', body.errorCode)
    .set('error.message', body.errorMessage)
    .set('countersign.response.masked_fields', body.maskedFields)
    .setHex('countersign.response.body_digest', body.bodyDigest);
}

function setLifecycle(
  ecs: EcsFields,
  body: BodyOf<'session_opened' | 'session_refused' | 'session_closed'>,
): void {
  switch (body.kind) {
    case 'session_opened':
      ecs
        .set('event.outcome', 'success')
        .set('countersign.session.authentication', body.authentication)
        .set('countersign.session.tls', body.tls)
        .set('countersign.session.target_session', body.targetSession)
        .set('countersign.session.recording_id', body.recordingId);
      break;
    case 'session_refused':
      ecs
        .set('event.outcome', 'failure')
        .set('error.code', body.code)
        .set('event.reason', body.reason)
        .set('countersign.session.claimed_name', body.claimedName)
        .relate('user', body.claimedName);
      break;
    case 'session_closed':
      ecs
        .set('event.outcome', 'success')
        .set('countersign.session.close_reason', body.reason)
        .set('event.reason', body.detail)
        .set('countersign.lockout.id', body.lockoutId)
        .set('countersign.incident.id', body.incidentId)
        .set('event.duration', body.durationMs * 1_000_000)
        .set('countersign.session.requests', body.requests)
        .set('countersign.session.rows', body.rows)
        .set('countersign.session.bytes', body.bytes);
  }
}

function setAccess(
  ecs: EcsFields,
  body: BodyOf<'approval_requested' | 'approval_decided' | 'credential_issued' | 'control_action'>,
): void {
  switch (body.kind) {
    case 'approval_requested':
      ecs
        .set('countersign.approval.id', body.approvalId)
        .set('event.reason', body.reason)
        .set('countersign.approval.expires_at', body.expiresAt);
      break;
    case 'approval_decided':
      ecs
        .set('event.outcome', body.granted ? 'success' : 'failure')
        .set('countersign.approval.id', body.approvalId)
        .set('countersign.approval.granted', body.granted)
        .set('countersign.actor', body.by)
        .set('event.reason', body.reason)
        .relate('user', body.by);
      break;
    case 'credential_issued':
      ecs
        .set('event.outcome', 'success')
        .set('countersign.credential.token_id', body.tokenId)
        .set('user.target.id', body.forIdentity)
        .set('countersign.credential.expires_at', body.expiresAt)
        .set('countersign.actor', body.by)
        .relate('user', body.forIdentity, body.by);
      break;
    case 'control_action':
      ecs
        .set('event.outcome', ['refused', 'failed'].includes(body.outcome) ? 'failure' : 'success')
        .set('countersign.actor', body.actor)
        .set('countersign.control.action', body.action)
        .set('countersign.control.subject', body.subject)
        .set('countersign.control.outcome', body.outcome)
        .set('event.reason', body.reason)
        .set('countersign.incident.id', body.incidentId)
        .set('countersign.control.idempotency_key', body.idempotencyKey)
        .relate('user', body.actor);
  }
}

export function setBody(ecs: EcsFields, body: SessionBody): void {
  switch (body.kind) {
    case 'request':
      return setRequest(ecs, body);
    case 'response':
      return setResponse(ecs, body);
    case 'decision':
      ecs
        .set('event.outcome', body.decision.outcome === 'deny' ? 'failure' : 'success')
        .set('event.duration', body.heldUs * 1000)
        .set('countersign.detection.ids', body.detectionIds);
      return setDecision(ecs, body.decision);
    case 'session_opened':
    case 'session_refused':
    case 'session_closed':
      return setLifecycle(ecs, body);
    case 'approval_requested':
    case 'approval_decided':
    case 'credential_issued':
    case 'control_action':
      return setAccess(ecs, body);
    case 'data':
      ecs
        .set('countersign.data.stream', body.stream)
        .set('countersign.data.bytes', body.bytes)
        .setHex('countersign.data.digest', body.digest);
      return;
    case 'checkpoint':
      ecs
        .set('countersign.checkpoint.gateway_sequence', body.gatewaySequence)
        .set(
          'countersign.checkpoint.heads',
          body.heads.map(
            ({ sessionId, sequence, hash }) =>
              `${sessionId} ${sequence} ${Buffer.from(hash).toString('hex')}`,
          ),
        )
        .set('countersign.checkpoint.key_id', body.keyId)
        .setBase64('countersign.checkpoint.signature', body.signature);
      return;
    case 'heartbeat':
      ecs
        .set('countersign.heartbeat.open_sessions', body.openSessions)
        .set('countersign.heartbeat.spool_bytes', body.spoolBytes)
        .set('countersign.heartbeat.unaudited', body.unaudited);
  }
}
