/** Session events: sign-ons are Authentication, a database's requests Datastore Activity, all others API Activity. */
import type { SessionEvent, Target } from '../types.ts';
import { compact, ocsfEvent, OCSF_CLASSES, OTHER, severityId, STATUS, type OcsfEvent } from './ocsf-event.ts';
import {
  activity,
  actor,
  API,
  DATASTORE,
  destination,
  session,
  source,
  unmapped,
  user,
} from './session-parties.ts';

const DATABASE_PROTOCOLS = new Set(['postgres', 'mysql', 'mongodb', 'redis']);
/** Longer texts stand in the recording; an event of a lake stays small. */
const TEXT_CHARS_MAX = 16_384;

interface Parts {
  readonly activityId: number;
  readonly operation: string;
  readonly severity: number;
  readonly status: number;
  readonly more: Readonly<Record<string, unknown>>;
  readonly message?: string | null;
  readonly detail?: string | null;
  readonly code?: string | null;
  readonly durationMs?: number;
  readonly query?: string | null;
  readonly objects?: readonly (string | null)[];
}

const head = (event: SessionEvent, classUid: number, { activityId, severity, message }: Parts) => ({
  classUid,
  activityId,
  time: event.time,
  uid: event.eventId,
  severityId: severity,
  message,
  correlationUid: event.session?.id,
  sequence: event.session?.sequence,
});

const common = (event: SessionEvent, parts: Parts): Record<string, unknown> => ({
  status_id: parts.status,
  status_detail: parts.detail,
  status_code: parts.code,
  duration: parts.durationMs,
  actor: actor(event),
  src_endpoint: source(event.client),
  dst_endpoint: destination(event.target),
  unmapped: unmapped(event, parts.more),
});

function datastore(event: SessionEvent, target: Target, parts: Parts): OcsfEvent {
  const query = parts.query?.slice(0, TEXT_CHARS_MAX);
  return ocsfEvent(head(event, OCSF_CLASSES.datastoreActivity, parts), {
    ...common(event, parts),
    type_id: 1,
    database: { name: target.database ?? target.connection, type: target.protocol, type_id: 1 },
    query_info:
      query === undefined || query === ''
        ? undefined
        : { query_string: query, uid: event.requestId ?? event.eventId },
  });
}

function api(event: SessionEvent, parts: Parts): OcsfEvent {
  const names = [...new Set(parts.objects ?? [])].filter((name) => name !== null);
  return ocsfEvent(head(event, OCSF_CLASSES.apiActivity, parts), {
    ...common(event, parts),
    api: compact({
      operation: parts.operation,
      service: compact({ name: event.target?.connection ?? event.gateway.id }),
      request: event.requestId === null ? undefined : { uid: event.requestId },
    }),
    resources: names.slice(0, 1000).map((name) => ({ name })),
  });
}

function activityOf(event: SessionEvent, parts: Parts): OcsfEvent {
  const { target, body } = event;
  const ofData = ['request', 'response'].includes(body.kind);
  return target !== null && ofData && DATABASE_PROTOCOLS.has(target.protocol)
    ? datastore(event, target, parts)
    : api(event, parts);
}

function signOn(event: SessionEvent, parts: Parts): OcsfEvent {
  const { identity, body } = event;
  const claimed = body.kind === 'session_refused' ? body.claimedName : null;
  return ocsfEvent(head(event, OCSF_CLASSES.authentication, parts), {
    ...common(event, parts),
    user: identity === null ? { name: claimed ?? 'unknown', type_id: 0 } : user(identity),
    session: session(event),
    is_remote: true,
    auth_protocol: body.kind === 'session_opened' ? body.authentication : undefined,
    auth_protocol_id: body.kind === 'session_opened' ? OTHER : undefined,
    service: { name: event.target?.connection ?? event.gateway.id },
  });
}

const outcome = (good: boolean): number => (good ? STATUS.success : STATUS.failure);

/** A session event as an OCSF event; undefined for kinds that are about the gateway itself (data, checkpoint, heartbeat). */
export function sessionEventToOcsf(event: SessionEvent): OcsfEvent | undefined {
  const { body } = event;
  const plain = { operation: body.kind, severity: 1, activityId: OTHER, status: STATUS.success, more: {} };
  switch (body.kind) {
    case 'session_opened':
      return signOn(event, { ...plain, activityId: 1, more: { recording_id: body.recordingId } });
    case 'session_refused':
      return signOn(event, {
        ...plain,
        activityId: 1,
        severity: 2,
        status: STATUS.failure,
        detail: body.reason,
        code: body.code,
      });
    case 'session_closed':
      return signOn(event, {
        ...plain,
        activityId: 2,
        detail: body.detail ?? body.reason,
        durationMs: body.durationMs,
        more: {
          close_reason: body.reason,
          incident_id: body.incidentId,
          requests: body.requests,
          rows: body.rows,
        },
      });
    case 'request': {
      const isData = event.target !== null && DATABASE_PROTOCOLS.has(event.target.protocol);
      return activityOf(event, {
        ...plain,
        activityId: activity(isData ? DATASTORE : API, body.actions),
        operation: body.verb,
        severity: severityId(body.risk),
        status: body.decision.outcome === 'deny' ? STATUS.failure : STATUS.unknown,
        detail: body.decision.reason,
        message: body.text?.slice(0, TEXT_CHARS_MAX) ?? null,
        query: body.text,
        objects: body.actions.map(({ object }) => object),
        more: {
          actions: [...new Set(body.actions.map(({ action }) => action))],
          objects: [...new Set(body.actions.map(({ object }) => object).filter((name) => name !== null))],
          fingerprint: body.fingerprint,
          decision: body.decision.outcome,
          risk: body.risk,
        },
      });
    }
    case 'response':
      return activityOf(event, {
        ...plain,
        status: outcome(body.status === 'ok'),
        detail: body.errorMessage,
        code: body.errorCode,
        durationMs: Math.round(body.durationUs / 1000),
        more: { response: body.status, rows: body.rows, bytes: body.bytes, masked_fields: body.maskedFields },
      });
    case 'decision':
      return api(event, {
        ...plain,
        status: outcome(body.decision.outcome !== 'deny'),
        detail: body.decision.reason,
        durationMs: Math.round(body.heldUs / 1000),
        more: { decision: body.decision.outcome, detections: body.detectionIds },
      });
    case 'approval_requested':
      return api(event, {
        ...plain,
        activityId: 1,
        detail: body.reason,
        more: { approval_id: body.approvalId },
      });
    case 'approval_decided':
      return api(event, {
        ...plain,
        activityId: 3,
        status: outcome(body.granted),
        detail: body.reason,
        more: { approval_id: body.approvalId, by: body.by },
      });
    case 'credential_issued':
      return api(event, {
        ...plain,
        activityId: 1,
        more: { token_id: body.tokenId, identity: body.forIdentity, by: body.by },
      });
    case 'control_action':
      return api(event, {
        ...plain,
        activityId: 3,
        operation: body.action,
        status: outcome(!['refused', 'failed'].includes(body.outcome)),
        detail: body.reason,
        objects: [body.subject],
        more: { by: body.actor, outcome: body.outcome, incident_id: body.incidentId },
      });
    default:
      return undefined;
  }
}
