// Made from schemas/avro by `node schemas/generate-types.ts`; do not edit.

export type SubjectKind = 'session' | 'token' | 'identity' | 'credential_source' | 'connection';

/** Containment on a subject. */
export interface Lockout {
  /** Discriminator. */
  kind: 'lockout';
  /** UUIDv7. */
  lockoutId: string;
  /** What is locked out. */
  subjectKind: SubjectKind;
  /** Its id. */
  subject: string;
  /** In plain words; clients see it. */
  reason: string;
  /** Incident. */
  incidentId: null | string;
  /** Exercise name space, else null. */
  exerciseId: null | string;
  /** API subject. */
  createdBy: string;
  /** When. */
  createdAt: number;
  /** When it ends; null: until released. Lockouts of identities and credential sources stay in force as awaiting release after that. */
  expiresAt: null | number;
  /** When a person released it. */
  releasedAt: null | number;
  /** Who released it. */
  releasedBy: null | string;
}

/** A token that never works again. */
export interface TokenRevocation {
  /** Discriminator. */
  kind: 'token_revocation';
  /** Token. */
  tokenId: string;
  /** Its identity. */
  identityId: string;
  /** When the token would have ended anyway. */
  expiresAt: null | number;
  /** In plain words. */
  reason: string;
  /** Incident. */
  incidentId: null | string;
  /** API subject. */
  revokedBy: string;
  /** When. */
  revokedAt: number;
}

export type ClosureKind = 'benign' | 'confirmed' | 'duplicate';

/** A person closed an incident; detectors learn again. */
export interface IncidentClosure {
  /** Discriminator. */
  kind: 'incident_closure';
  /** Incident. */
  incidentId: string;
  /** Finding. */
  closedAs: ClosureKind;
  /** API subject. */
  closedBy: string;
  /** When. */
  closedAt: number;
  /** Why. */
  note: string;
}

export type ApprovalStateName =
  | 'pending'
  | 'granted'
  | 'refused'
  | 'used'
  | 'withdrawn'
  | 'expired'
  | 'revoked';

export type ApprovalScope = 'statement' | 'session' | 'grant';

/** An approval after a change: what every gateway must know to let a held command go on, or to end what it opened. */
export interface ApprovalState {
  /** Discriminator. */
  kind: 'approval';
  /** UUIDv7. */
  approvalId: string;
  /** State. Granted may be used; used has let its one statement through. */
  state: ApprovalStateName;
  /** What it opens: one statement, the rest of a session, or a grant for a time. */
  scope: ApprovalScope;
  /** Who asked. */
  identityId: string;
  /** Connection that it holds for. */
  connection: string;
  /** Session that it holds for; null where it outlives one. */
  sessionId: null | string;
  /** Digest of what it is bound to: identity, connection, role, command and resolved objects, hex. Null for sessions and grants. */
  binding: null | string;
  /** Policy rule that asked for it. */
  rule: null | string;
  /** Identity ids of those who agreed or refused. */
  decidedBy: string[];
  /** Last word of who decided, withdrew or revoked; else why it is asked for. */
  reason: string;
  /** When it was asked for. */
  requestedAt: number;
  /** When it ends undecided. */
  expiresAt: number;
  /** Once granted: until when it may be used. */
  validUntil: null | number;
}

/** Access for a time, that ends by itself. */
export interface Grant {
  /** Discriminator. */
  kind: 'grant';
  /** UUIDv7. */
  grantId: string;
  /** Approval that it came from. */
  approvalId: null | string;
  /** Template it was made from, or what it is for. */
  name: string;
  /** Who holds it. */
  identityId: string;
  /** Connections that it opens. */
  connections: string[];
  /** Actions that it allows without a further approval; globs. */
  actions: string[];
  /** Objects that it covers; globs. Empty: all. */
  objects: string[];
  /** Account at the target that lives as long as the grant; null: the connection's own. */
  targetRole: null | string;
  /** From when. */
  startsAt: number;
  /** Until when. */
  endsAt: number;
  /** When it was ended before its time. */
  endedAt: null | number;
  /** Who ended it. */
  endedBy: null | string;
  /** Why it was given. */
  reason: string;
  /** Ticket id. */
  ticket: null | string;
}

/** One change of the control state that every gateway must know at once. Topic countersign.control, one partition, keyed by kind/record id, compacted; a tombstone forgets a record that can no longer matter. */
export interface ControlRecord {
  /** Revision of the control store's transaction that made it; grows. */
  revision: number;
  /** When it was recorded. */
  time: number;
  /** The record; discriminated by its field kind. */
  body: Lockout | TokenRevocation | IncidentClosure | ApprovalState | Grant;
}

/** What could not be read or written, with the reason. Topic countersign.dead-letters, keyed by source topic. */
export interface DeadLetter {
  /** When it was given up. */
  time: number;
  /** Topic it came from. */
  sourceTopic: string;
  /** Its partition. */
  sourcePartition: number;
  /** Its offset. */
  sourceOffset: number;
  /** Who gave up: detectors, responders, ingest/index, ingest/sink/NAME, gateway. */
  stage: string;
  /** Error code of the catalogue. */
  code: string;
  /** In plain words. */
  reason: string;
  /** Key of the record. */
  key: null | Buffer;
  /** The record as it was. */
  value: Buffer;
}

export type DetectorKind = 'rule' | 'baseline' | 'risk' | 'integrity';

export type Severity = 'informational' | 'low' | 'medium' | 'high' | 'critical';

export interface Figure {
  /** What was measured. */
  name: string;
  /** What was seen. */
  value: number;
  /** What is usual. */
  usual: null | number;
  /** Unit. */
  unit: string;
}

export type Origin = 'gateway' | 'external' | 'import' | 'exercise';

export type IdentityKind = 'unknown' | 'human' | 'service_account' | 'workload' | 'ai_agent';

/** A rule hit or baseline anomaly. Topic countersign.detections, keyed by credential source, else identity id. */
export interface Detection {
  /** Hex of SHA-256 over detector, version and triggering event id (first 16 bytes): a replay makes the same id. */
  detectionId: string;
  /** Name of the rule or baseline. */
  detector: string;
  /** Version of the rule or baseline. */
  detectorVersion: string;
  /** rule: Sigma; baseline: statistics; risk: an identity's combined risk crossed a level; integrity: gaps, unreadable events, lag. */
  detectorKind: DetectorKind;
  /** Short title. */
  title: string;
  /** Severity of this detection. */
  severity: Severity;
  /** 0-100, calibrated: 80 means the same for every identity. */
  risk: number;
  /** Combined risk of the identity after this detection, 0-100. */
  identityRisk: number;
  /** In plain words, with the figures behind it. */
  reason: string;
  /** The figures behind the reason. */
  figures: Figure[];
  /** MITRE ATT&CK technique ids. */
  techniques: string[];
  /** Tags of the rule. */
  tags: string[];
  /** Triggering event. */
  eventId: string;
  /** Events that support it, at most 100. */
  evidence: string[];
  /** Time of the triggering event. */
  eventTime: number;
  /** When the detector spoke (processing time). */
  detectedAt: number;
  /** Origin of the triggering event. */
  origin: Origin;
  /** Exercise, else null. */
  exerciseId: null | string;
  /** True where automation may act: origin gateway (or an exercise in its own name space) and younger than 5 min. */
  live: boolean;
  /** Identity. */
  identityId: null | string;
  /** Kind of the identity. */
  identityKind: IdentityKind;
  /** Credential source. */
  credentialSource: null | string;
  /** Token. */
  tokenId: null | string;
  /** Session. */
  sessionId: null | string;
  /** Request. */
  requestId: null | string;
  /** Connection. */
  connection: null | string;
  /** Source address. */
  clientIp: null | string;
  /** Partition of the triggering event, -1 where none. */
  partition: number;
  /** Offset of the triggering event, -1 where none. */
  offset: number;
}

/** Changelog of keyed detector state. Topic countersign.detector-state, keyed by detector/version/partition/key, compacted, each record at most 256 KiB. */
export interface DetectorState {
  /** Detector or engine component. */
  detector: string;
  /** Version of the state's layout. */
  version: string;
  /** Input partition. */
  partition: number;
  /** State key; empty on a commit marker. */
  key: string;
  /** Last input offset contained in the state (on a marker: everything up to here is written). */
  inputOffset: number;
  /** Number of this piece where state is over the bound. */
  chunk: number;
  /** Pieces in all; 0 on a commit marker. */
  chunks: number;
  /** Serialised state; empty on a marker. */
  state: Buffer;
}

export type IncidentState = 'open' | 'contained' | 'closed';

export type Closure = 'benign' | 'confirmed' | 'duplicate';

/** An incident's state after a change. Topic countersign.incidents, keyed by incident id, compacted. */
export interface Incident {
  /** UUIDv7-shaped id, derived from the first detection. */
  incidentId: string;
  /** Grows by one with each change. */
  version: number;
  /** open: nothing contained yet; contained: a lockout is in force; closed: by a person. */
  state: IncidentState;
  /** How a person closed it. */
  closedAs: null | Closure;
  /** Who closed it. */
  closedBy: null | string;
  /** Time of the first detection. */
  openedAt: number;
  /** Time of this change. */
  updatedAt: number;
  /** Short title. */
  title: string;
  /** Highest severity so far. */
  severity: Severity;
  /** Highest identity risk so far, 0-100. */
  risk: number;
  /** In plain words. */
  summary: string;
  /** Grouping key: credential source, else identity id. */
  key: string;
  /** Origin of the events behind it. */
  origin: Origin;
  /** Exercise, else null. */
  exerciseId: null | string;
  /** Identity ids, at most 1,000. */
  identities: string[];
  /** Session ids, at most 1,000. */
  sessions: string[];
  /** Token ids, at most 1,000. */
  tokens: string[];
  /** Connections, at most 1,000. */
  connections: string[];
  /** Detection ids, newest last, at most 1,000. */
  detections: string[];
  /** All detections, also those past the list's bound. */
  detectionCount: number;
  /** Lockouts made for it, at most 1,000. */
  lockouts: string[];
}

export type RekeyKind = 'credential_source' | 'target' | 'on_behalf_of' | 'source_network';

/** A session event for detectors that are keyed otherwise than by identity. Topic countersign.rekeyed-events, keyed by keyKind:key. */
export interface RekeyedEvent {
  /** What it is keyed by. */
  keyKind: RekeyKind;
  /** The key. */
  key: string;
  /** Topic it came from. */
  sourceTopic: string;
  /** Its partition. */
  sourcePartition: number;
  /** Its offset; with the partition the identity for deduplication. */
  sourceOffset: number;
  /** The session event as framed in the source topic. */
  event: Buffer;
}

export type ResponseState = 'intended' | 'done' | 'failed' | 'undone' | 'skipped' | 'observed' | 'asked';

/** One step of a playbook: intended, done, failed, undone, refused. Topic countersign.responses, keyed by incident id. */
export interface ResponseStep {
  /** UUIDv7. */
  responseId: string;
  /** When. */
  time: number;
  /** Incident. */
  incidentId: string;
  /** Detection that triggered the playbook. */
  detectionId: string;
  /** Playbook name. */
  playbook: string;
  /** Digest of the playbook's content. */
  playbookVersion: string;
  /** Step id in the playbook. */
  step: string;
  /** Action name. */
  action: string;
  /** kind:id of what is acted on. */
  subject: string;
  /** observed: mode observe, nothing was done; asked: mode ask, waits for a person; skipped: budget, break-glass or condition, see detail. */
  state: ResponseState;
  /** In plain words. */
  detail: string;
  /** Hash of incident, playbook, step, subject. */
  idempotencyKey: string;
  /** How long the action took, microseconds; 0 while intended. */
  durationUs: number;
  /** Exercise, else null. */
  exerciseId: null | string;
}

export interface GatewayRef {
  /** Configured name of the gateway. */
  id: string;
  /** Number of starts of this gateway; a restart makes a new epoch. */
  epoch: number;
  /** Position among all events of this epoch, from 1, without gaps. */
  sequence: number;
}

export interface SessionRef {
  /** Session id (UUIDv7). */
  id: string;
  /** Position in the session, from 1, without gaps. */
  sequence: number;
  /** Channel inside the session where the protocol has several. */
  channel: null | string;
}

export interface Identity {
  /** issuer + '/' + immutable subject; never a display name. */
  id: string;
  /** Who vouches for the subject; 'countersign' for accounts of the gateway's own. */
  issuer: string;
  /** Immutable subject at the issuer. */
  subject: string;
  /** What kind of actor it is. */
  kind: IdentityKind;
  /** For people to read only. */
  displayName: string;
  /** Group memberships at the time of the event. */
  groups: string[];
  /** Issuer + narrowest tenant claim that the token came from (CI repository and environment, vault path, IdP application). */
  credentialSource: null | string;
  /** Public id of the token; never the secret. */
  tokenId: null | string;
  /** When the token was issued. */
  issuedAt: null | number;
  /** When the token ends. */
  expiresAt: null | number;
  /** Identity ids this one acts for, nearest first (RFC 8693 act chain). */
  onBehalfOf: string[];
  /** Further claims worth matching (owner, run id, repository, time zone, ...). */
  attributes: Record<string, string>;
}

export interface Client {
  /** Source address as the gateway saw it. */
  ip: string;
  /** Source port. */
  port: number;
  /** Client program as it declares itself (application_name, SSH ident, User-Agent). */
  tool: null | string;
  /** Declared version of the tool. */
  version: null | string;
}

export interface Target {
  /** Name of the configured connection. */
  connection: string;
  /** Name in the protocol registry: postgres, ssh, kubernetes, http, mcp. */
  protocol: string;
  /** Target host. */
  host: string;
  /** Target port. */
  port: number;
  /** Database or namespace. */
  database: null | string;
  /** Account used at the target. */
  role: null | string;
}

/** A client logged in and its target is connected. */
export interface SessionOpened {
  kind: 'session_opened';
  /** Mechanism the client proved itself with. */
  authentication: string;
  /** Whether the client's side is encrypted. */
  tls: boolean;
  /** The target's own id of the session (PostgreSQL: pid). */
  targetSession: null | string;
  /** Recording of this session. */
  recordingId: null | string;
}

/** A login that did not become a session. */
export interface SessionRefused {
  kind: 'session_refused';
  /** Error code of the catalogue. */
  code: string;
  /** In plain words. */
  reason: string;
  /** Name the client claimed; unproven. */
  claimedName: null | string;
}

export type Sha256 = Buffer;

export interface Action {
  /** What is done: read, write, delete, truncate, drop, create, alter, grant, revoke, role_change, export, import, execute, set, lock, transaction, admin, replication, opaque_code, ... */
  action: string;
  /** table, view, function, schema, database, role, file, program, ... */
  objectKind: null | string;
  /** Resolved, qualified name. */
  object: null | string;
  /** Columns touched where known. */
  columns: string[];
  /** True where nothing restricts the rows (no WHERE, no LIMIT). */
  whole: boolean;
}

export type RiskClass = 'none' | 'low' | 'medium' | 'high' | 'critical';

export type Outcome = 'allow' | 'mask' | 'hold_approval' | 'hold_verdict' | 'deny';

export interface DecisionRef {
  /** Named in the client's error. */
  decisionId: string;
  /** What policy says. */
  outcome: Outcome;
  /** Name of the policy rule that decided. */
  rule: string;
  /** In plain words. */
  reason: string;
}

/** One command, decided, before the target sees it. */
export interface Request {
  kind: 'request';
  /** How the protocol carries it (PostgreSQL: query, parse, execute, copy, function_call, cancel). */
  verb: string;
  /** The command, secrets lifted, at most 64 KiB of UTF-8. */
  text: string;
  /** The command's bytes where the string is lossy. */
  textBytes: null | Buffer;
  /** Full length of the command in bytes. */
  textLength: number;
  /** SHA-256 of the whole command (secrets lifted) where text is cut; the rest is in the recording. */
  textDigest: null | Sha256;
  /** Normalised fingerprint of the command's shape (PostgreSQL: libpg_query fingerprint, hex). */
  fingerprint: null | string;
  /** What the command does, from a parser; one entry per action and object. */
  actions: Action[];
  /** Highest risk class among the actions. */
  risk: RiskClass;
  /** Bound parameters. */
  parameterCount: number;
  /** Keyed HMAC of the bound parameters. */
  parametersDigest: null | Sha256;
  /** First decision; a hold is followed by a decision event. */
  decision: DecisionRef;
}

/** How a held request ended. */
export interface Decision {
  kind: 'decision';
  /** Final outcome: allow or deny. */
  decision: DecisionRef;
  /** How long the request was held, microseconds. */
  heldUs: number;
  /** Detections that spoke about the request. */
  detectionIds: string[];
}

export type ResponseStatus = 'ok' | 'error' | 'denied' | 'cancelled' | 'cut_off' | 'lost';

/** What the target answered. */
export interface Response {
  kind: 'response';
  /** How the request ended. */
  status: ResponseStatus;
  /** Rows that went to the client, or were affected. */
  rows: number;
  /** Bytes of the answer sent to the client. */
  bytes: number;
  /** From forwarding to the end of the answer, microseconds. */
  durationUs: number;
  /** Command tag or exit status. */
  tag: null | string;
  /** SQLSTATE, exit code, HTTP status. */
  errorCode: null | string;
  /** Message with values lifted. */
  errorMessage: null | string;
  /** Fields masked before the client saw them. */
  maskedFields: string[];
  /** SHA-256 of the recorded body; keyed HMAC where values are masked. */
  bodyDigest: null | Sha256;
}

/** Interactive stream, coalesced over 1 s or 256 KiB. */
export interface Data {
  kind: 'data';
  /** in, out or err. */
  stream: string;
  /** Bytes in this piece. */
  bytes: number;
  /** SHA-256 of the piece. */
  digest: Sha256;
}

/** A held request asks a person. */
export interface ApprovalRequested {
  kind: 'approval_requested';
  /** The approval. */
  approvalId: string;
  /** Why, in plain words. */
  reason: string;
  /** When it ends. */
  expiresAt: number;
}

/** A person decided. */
export interface ApprovalDecided {
  kind: 'approval_decided';
  /** The approval. */
  approvalId: string;
  /** Whether the person agreed. */
  granted: boolean;
  /** Identity id of who decided. */
  by: string;
  /** Why, in plain words. */
  reason: string;
}

/** The gateway issued a token or credential. */
export interface CredentialIssued {
  kind: 'credential_issued';
  /** Public id of the token. */
  tokenId: string;
  /** Identity id it was issued to. */
  forIdentity: string;
  /** When it ends. */
  expiresAt: number;
  /** Who asked for it. */
  by: string;
}

/** A call of the control API that changed something. */
export interface ControlAction {
  kind: 'control_action';
  /** Subject of the API token that called. */
  actor: string;
  /** Name of the call: lockout.create, session.kill, token.revoke, ... */
  action: string;
  /** What it was done to. */
  subject: string;
  /** recorded, in_force, refused, failed. */
  outcome: string;
  /** Why, in plain words. */
  reason: string;
  /** Incident that it belongs to. */
  incidentId: null | string;
  /** Key under which the call takes effect once. */
  idempotencyKey: null | string;
}

export interface ChainHead {
  /** Session. */
  sessionId: string;
  /** Its last sequence. */
  sequence: number;
  /** Hash of the event with that sequence. */
  hash: Sha256;
}

/** Signed heads of the gateway chain and of every session that advanced since the checkpoint before. */
export interface Checkpoint {
  kind: 'checkpoint';
  /** Last sequence of the gateway covered. */
  gatewaySequence: number;
  /** At most 1,000; more go to further checkpoints. */
  heads: ChainHead[];
  /** Signing key. */
  keyId: string;
  /** Ed25519 (RFC 8032) over the canonical bytes that docs/audit-trail.md defines. */
  signature: Buffer;
}

/** The gateway lives; logging works. */
export interface Heartbeat {
  kind: 'heartbeat';
  /** Sessions open at the time. */
  openSessions: number;
  /** Bytes in the spool that the log does not have yet. */
  spoolBytes: number;
  /** Requests let through without event since the last heartbeat (only where configured so). */
  unaudited: number;
}

export type CloseReason =
  | 'client_closed'
  | 'target_closed'
  | 'killed'
  | 'lockout'
  | 'idle_timeout'
  | 'protocol_error'
  | 'gateway_shutdown'
  | 'gateway_lost'
  | 'lease_lost'
  | 'spool_full'
  | 'error';

/** The session's end; every session has one. */
export interface SessionClosed {
  kind: 'session_closed';
  /** Why, in plain words. */
  reason: CloseReason;
  /** In plain words. */
  detail: null | string;
  /** Lockout that ended it. */
  lockoutId: null | string;
  /** Incident that it belongs to. */
  incidentId: null | string;
  /** From open to close, milliseconds. */
  durationMs: number;
  /** Requests in all. */
  requests: number;
  /** Rows in all. */
  rows: number;
  /** Answer bytes in all. */
  bytes: number;
}

export interface GatewayChain {
  /** Position in the gateway's chain, from 1. */
  sequence: number;
  /** Hash of the event before in that chain. */
  previousHash: Sha256;
}

/** One thing that happened on a session (or to a gateway): a request, a decision, a response, an open, a close, a checkpoint. Topic countersign.session-events, keyed by identity id (before login by source network); topic countersign.session-data, keyed by session id, carries kind data only. */
export interface SessionEvent {
  /** UUIDv7 (RFC 9562); the same id on every delivery of the event. */
  eventId: string;
  /** When it happened on the gateway's clock, or in the external source; milliseconds since the epoch. */
  time: number;
  /** Where the event comes from. Only gateway events may act; exercises live in their own name space. */
  origin: Origin;
  /** The exercise that made the event, else null. */
  exerciseId: null | string;
  /** Which gateway wrote the event. */
  gateway: GatewayRef;
  /** The session, or null for events of the gateway itself. */
  session: null | SessionRef;
  /** On a request: its id. On a decision or response: the request it belongs to. */
  requestId: null | string;
  /** Revision of the control state that was in force when the event was decided. */
  controlRevision: number;
  /** Who acted; null before login. */
  identity: null | Identity;
  /** Where the session came from. */
  client: null | Client;
  /** What the session reaches. */
  target: null | Target;
  /** What happened; discriminated by its field kind. */
  body:
    | SessionOpened
    | SessionRefused
    | Request
    | Decision
    | Response
    | Data
    | ApprovalRequested
    | ApprovalDecided
    | CredentialIssued
    | ControlAction
    | Checkpoint
    | Heartbeat
    | SessionClosed;
  /** On opens, closes, refusals and events without a session: the link in the gateway's own chain. */
  gatewayChain: null | GatewayChain;
  /** Hash of the event before in the session's chain; zeros on the first and on events without a session. */
  previousHash: Sha256;
  /** SHA-256 over the schema's fingerprint and the Avro bytes of all fields before this one. Last field, so that it is the record's last 32 bytes. */
  hash: Sha256;
}

export interface Spoken {
  /** Event they spoke about. */
  eventId: string;
  /** What they said; each awaits a responder's decision. */
  detectionIds: string[];
}

/** The detectors have processed every event of a partition up to an offset. */
export interface Passed {
  /** Discriminator. */
  kind: 'passed';
  /** Partition of countersign.session-events. */
  partition: number;
  /** Last offset processed (inclusive). */
  offset: number;
  /** Events with detections in this step; empty for most. */
  spoken: Spoken[];
}

export type DecidedOutcome = 'release' | 'contained' | 'asked';

/** A responder has decided about a detection. */
export interface Decided {
  /** Discriminator. */
  kind: 'decided';
  /** Triggering event. */
  eventId: string;
  /** The detection. */
  detectionId: string;
  /** release: nothing stands against the request; contained: a containment was carried out; asked: a person must decide first. */
  outcome: DecidedOutcome;
  /** Incident the detection belongs to. */
  incidentId: null | string;
}

/** How far the detectors have passed the session events, which events they spoke about, and what the responders decided. Topic countersign.verdicts, keyed by identity id. */
export interface Verdict {
  /** When it was written, milliseconds since the epoch. */
  time: number;
  /** What is said; discriminated by its field kind. */
  body: Passed | Decided;
}
