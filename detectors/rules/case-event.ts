/**
 * Events of rule cases: what a case says, laid over a base event of its kind. The base is an ordinary request of a CI service
 * account in working hours (docs/detection-rules.md shows it); a case says only what differs.
 */
import type { Action, RiskClass, SessionEvent } from '../../schemas/types.ts';
import type { EventView, FactValue } from '../detector.ts';

/** What a case may say of an event. Texts may hold `{i}`, the number of the repetition from 1. */
export interface CaseEvent {
  /** Kind of the event; request where not given. */
  readonly kind?: string;
  /** Actions as `action kind object [whole]`, `-` for what is not known; one or several. */
  readonly do?: string | readonly string[];
  /** Text of the command. */
  readonly text?: string;
  /** Kind of the identity. */
  readonly by?: string;
  /** Risk class of the request. */
  readonly risk?: RiskClass;
  /** Partial event in the record's JSON form; maps are merged, lists replaced. */
  readonly event?: Readonly<Record<string, unknown>>;
  readonly facts?: Readonly<Record<string, FactValue>>;
}

export const BASE_TIME = Date.UTC(2026, 10, 24, 10);

const HASH = new Uint8Array(32);
const DECISION = {
  decisionId: 'decision-1',
  outcome: 'allow',
  rule: 'default',
  reason: 'nothing stands against it',
};

const BODIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  request: {
    verb: 'query',
    text: 'select id from orders where id = 1',
    textBytes: null,
    textLength: 34,
    textDigest: null,
    fingerprint: '0123456789abcdef',
    actions: [
      { action: 'read', objectKind: 'table', object: 'public.orders', columns: ['id'], whole: false },
    ],
    risk: 'low',
    parameterCount: 0,
    parametersDigest: null,
    decision: DECISION,
  },
  decision: { decision: DECISION, heldUs: 1000, detectionIds: [] },
  response: {
    status: 'ok',
    rows: 1,
    bytes: 100,
    durationUs: 2000,
    tag: 'SELECT 1',
    errorCode: null,
    errorMessage: null,
    maskedFields: [],
    bodyDigest: null,
  },
  session_opened: {
    authentication: 'scram-sha-256',
    tls: true,
    targetSession: '4242',
    recordingId: 'recording-1',
  },
  session_refused: { code: 'POSTGRES_LOGIN_FAILED', reason: 'login failed', claimedName: 'ci-deploy' },
  session_closed: {
    reason: 'client_closed',
    detail: null,
    lockoutId: null,
    incidentId: null,
    durationMs: 60_000,
    requests: 3,
    rows: 3,
    bytes: 300,
  },
  control_action: {
    actor: 'admin',
    action: 'session.kill',
    subject: 'session:session-1',
    outcome: 'in_force',
    reason: 'asked for',
    incidentId: null,
    idempotencyKey: null,
  },
  credential_issued: {
    tokenId: 'token-2',
    forIdentity: 'https://idp.example/ci-deploy',
    expiresAt: BASE_TIME + 3_600_000,
    by: 'admin',
  },
  heartbeat: { openSessions: 3, spoolBytes: 0, unaudited: 0 },
};

function baseEvent(kind: string, time: number, number: number): Record<string, unknown> {
  const body = BODIES[kind] ?? {};
  const ofGateway = kind === 'heartbeat' || kind === 'control_action';
  const beforeLogin = kind === 'session_refused';
  return {
    eventId: `0193a000-0000-7000-8000-${String(number).padStart(12, '0')}`,
    time,
    origin: 'gateway',
    exerciseId: null,
    gateway: { id: 'gateway-1', epoch: 1, sequence: number },
    session: ofGateway || beforeLogin ? null : { id: 'session-1', sequence: number, channel: null },
    requestId: kind === 'request' || kind === 'response' ? `request-${number}` : null,
    controlRevision: 1,
    identity:
      ofGateway || beforeLogin
        ? null
        : {
            id: 'https://idp.example/ci-deploy',
            issuer: 'https://idp.example',
            subject: 'ci-deploy',
            kind: 'service_account',
            displayName: 'CI deploy',
            groups: ['ci'],
            credentialSource: 'https://idp.example|repo:shop/app|env:prod',
            tokenId: 'token-1',
            issuedAt: time - 600_000,
            expiresAt: time + 3_000_000,
            onBehalfOf: [],
            attributes: {},
          },
    client: ofGateway ? null : { ip: '10.0.0.7', port: 50_000, tool: 'deploy-cli', version: '2.1' },
    target: ofGateway
      ? null
      : {
          connection: 'shop',
          protocol: 'postgres',
          host: 'db.internal',
          port: 5432,
          database: 'shop',
          role: 'shop_app',
        },
    body: { kind, ...body },
    gatewayChain: null,
    previousHash: HASH,
    hash: HASH,
  };
}

/** The event a case describes; `number` makes its id and fills `{i}`. */
export function makeCaseEvent(said: CaseEvent, time: number, number: number): SessionEvent {
  const filled = fill(said, number) as CaseEvent;
  const event = baseEvent(filled.kind ?? 'request', time, number);
  const body: Record<string, unknown> = {};
  if (filled.do !== undefined) body['actions'] = [filled.do].flat().map(readAction);
  if (filled.text !== undefined) body['text'] = filled.text;
  if (filled.risk !== undefined) body['risk'] = filled.risk;
  const identity = filled.by === undefined ? {} : { identity: { kind: filled.by } };
  const overlays: Record<string, unknown>[] = [{ body, ...identity }, filled.event ?? {}];
  // Contained cases: what a rule reads was checked when the case was read; the rest is the base's.
  return overlays.reduce(merge, event) as unknown as SessionEvent;
}

function readAction(line: string): Action {
  const whole = line.endsWith(' whole');
  const [action = '', kind = '-', ...object] = (whole ? line.slice(0, -6) : line).split(' ');
  const name = object.join(' ') || '-';
  return {
    action,
    objectKind: kind === '-' ? null : kind,
    object: name === '-' ? null : name,
    columns: [],
    whole,
  };
}

function fill(value: unknown, number: number): unknown {
  if (typeof value === 'string') return value.replaceAll('{i}', String(number));
  if (Array.isArray(value)) return value.map((item) => fill(item, number));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, number)]));
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array);

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const under = merged[key];
    merged[key] = isMap(value) && isMap(under) ? merge(under, value) : value;
  }
  return merged;
}

/** A view of an event with given facts. */
export function caseView(event: SessionEvent, facts: Readonly<Record<string, FactValue>> = {}): EventView {
  const known = new Map<string, FactValue>(Object.entries(facts));
  return {
    event,
    field(name) {
      if (!name.startsWith('facts.')) return valuesAt(event, name.split('.'));
      const value = known.get(name.slice('facts.'.length));
      return value === undefined ? [] : [value];
    },
    setFact: (name, value) => void known.set(name, value),
  };
}

function valuesAt(value: unknown, path: readonly string[]): FactValue[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((item) => valuesAt(item, path));
  const [key, ...rest] = path;
  if (key !== undefined) return isMap(value) ? valuesAt(value[key], rest) : [];
  const simple =
    value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return simple ? [value] : [];
}
