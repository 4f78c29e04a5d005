/** What the control API stands on; the composition root gives it. */
import type { Page, Scope } from '../../schemas/api/common.ts';
import type { AuditKey } from '../../schemas/api/audit.ts';
import type { Connection, ConnectionCheck, ConnectionPut } from '../../schemas/api/connections.ts';
import type { ImportAnswer } from '../../schemas/api/imports.ts';
import type { IdentityRecord, IdentityReview } from '../../schemas/api/identities.ts';
import type { LoginAnswer } from '../../schemas/api/exchange.ts';
import type { PlaybookAnswer } from '../../schemas/api/responses.ts';
import type { ReloadAnswer } from '../../schemas/api/reload.ts';
import type { Health } from '../../schemas/api/service.ts';
import type { RecordingLine, SessionQuery, SessionSummary } from '../../schemas/api/sessions.ts';
import type { SshCertificateAnswer, SshCertificateRequest } from '../../schemas/api/ssh.ts';
import type { IssueTokenAnswer, IssueTokenRequest, TokenSummary } from '../../schemas/api/tokens.ts';
import type { Codec } from '../../schemas/codec.ts';
import type {
  ApprovalDecided,
  ControlAction,
  Detection,
  Incident,
  ResponseStep,
  SessionEvent,
} from '../../schemas/types.ts';
import type { SecretReference } from '../../schemas/config/secret.ts';
import type { Clock } from '../../platform/clock/clock.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { SearchIndex } from '../../platform/search-index/search-index.ts';
import type { Approvals } from '../approvals/create-approvals.ts';
import type { Approver } from '../approvals/approver.ts';
import type { ApprovalNotices } from '../approvals/notify/approval-notices.ts';
import type { ApprovalChat } from '../approvals/notify/chats.ts';
import type { SecondFactors } from '../approvals/factors/second-factors.ts';
import type { Access } from '../access/access.ts';
import type { TokenExchange } from '../access/exchange/token-exchange.ts';
import type { DpopProofs } from '../access/proof/dpop.ts';
import type { ScimDirectory } from '../access/scim/directory.ts';
import type { ControlWriter } from '../control/control-writer.ts';
import type { StoredToken } from '../control/token-index.ts';
import type { DeadLettersService } from '../dead-letters/service.ts';

export interface PageOptions {
  readonly limit: number;
  readonly after?: string;
}
/** Who calls, and under which key the call takes effect once. */
export interface Caller {
  readonly by: string;
  readonly idempotencyKey: string | null;
}
export type ServiceResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: CountersignError };

export interface SessionsService {
  list(query: SessionQuery): Promise<Page<SessionSummary>>;
  get(id: string): Promise<SessionSummary | undefined>;
  /** Identities with live sessions, on any gateway, that a lockout of this subject would hit. */
  identitiesHit(kind: string, subject: string): Promise<readonly string[]>;
}

export interface TokensService {
  issue(request: IssueTokenRequest, caller: Caller): Promise<ServiceResult<IssueTokenAnswer>>;
  list(
    options: PageOptions & { readonly identity?: string; readonly live: boolean },
  ): Promise<Page<TokenSummary>>;
}

export interface IdentitiesService {
  put(identity: IdentityRecord, caller: Caller): Promise<ServiceResult<IdentityRecord>>;
  list(options: PageOptions & { readonly id?: string }): Promise<Page<IdentityRecord>>;
  review(): Promise<IdentityReview>;
}

export interface ConnectionsService {
  list(options: PageOptions): Promise<Page<Connection>>;
  put(name: string, connection: ConnectionPut, caller: Caller): Promise<ServiceResult<Connection>>;
  /** False: there was none. */
  remove(name: string, caller: Caller): Promise<boolean>;
  check(name: string): Promise<ConnectionCheck | undefined>;
  /** Undefined: there is no such connection. */
  protocolOf(name: string): string | undefined;
}

/** People at the API, and credentials of other issuers. */
export interface LoginServices {
  readonly access: Pick<Access, 'verifyBearer' | 'admit'>;
  readonly dpop: DpopProofs;
  readonly tokenExchange: TokenExchange;
  /** Authorities of client certificates, PEM; none: the listener asks for no certificate. */
  authorities(): readonly string[];
  readonly groupScopes: Readonly<Record<string, readonly Scope[]>>;
  readonly exchangesPerMinuteMax: number;
  /** People and groups that an identity provider pushes; undefined where none does. */
  readonly scim?: ScimDirectory;
  /** What `countersign login` tells the provider; undefined where people log in otherwise. */
  readonly login: LoginAnswer | undefined;
  /** Puts the issue of a token into the trail. */
  issued(token: StoredToken, by: string): void;
}

export interface ListenerAnswer {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly ca: string | null;
  /** SSH: lines of known_hosts, without the host. */
  readonly hostKeys?: readonly string[];
  /** SSH: what targets trust (TrustedUserCAKeys). */
  readonly userAuthority?: string;
}

export interface ControlApiServices {
  readonly gatewayId: string;
  readonly control: ControlWriter;
  /** True once every gateway with a live lease has applied the revision; false when the time is over first. */
  inForce(revision: number, timeoutMs: number): Promise<boolean>;
  readonly sessions: SessionsService;
  readonly tokens: TokensService;
  readonly identities: IdentitiesService;
  readonly logins: LoginServices;
  readonly approvals: Pick<Approvals, 'store' | 'requestGrant'> & {
    readonly factors: SecondFactors;
    /** Puts a person's decision into the audit trail. */
    recordDecided(decided: Omit<ApprovalDecided, 'kind'>): Promise<void> | void;
    /** A person as the gateway knows it now; undefined where it is gone or none. */
    person(identityId: string): Promise<Approver['identity'] | undefined>;
    readonly notices: ApprovalNotices;
    /** Chats that may decide, by the receiver's name. */
    readonly chats: ReadonlyMap<string, ApprovalChat>;
    /** Number of the last control record: what was decided before is in force where that is. */
    lastRevision(): Promise<number>;
    /** Where people decide, without a slash at its end. */
    page(): string;
  };
  /** Certifies a public key for what a token opens. */
  sshCertificate(request: SshCertificateRequest): Promise<ServiceResult<SshCertificateAnswer>>;
  readonly connections: ConnectionsService;
  /** Undefined: there is no recording. */
  readonly recordings: { read(sessionId: string): Promise<AsyncIterable<RecordingLine> | undefined> };
  readonly deadLetters: DeadLettersService;
  readonly search: SearchIndex;
  readonly eventLog: EventLog;
  readonly auditKey: AuditKey;
  /** Of all gateways on this control store. */
  auditKeys(): Promise<readonly AuditKey[]>;
  readonly codecs: {
    readonly sessionEvent: Codec<SessionEvent>;
    readonly detection: Codec<Detection>;
    readonly incident: Codec<Incident>;
    readonly response: Codec<ResponseStep>;
  };
  /** Puts session events (bytes of NDJSON) into the log; what is imported never acts. */
  importEvents(
    source: AsyncIterable<Uint8Array>,
    options: { readonly exerciseId: string | null; readonly waitDetected: boolean },
  ): Promise<ImportAnswer>;
  playbooks(): readonly PlaybookAnswer[];
  /** Reads policy, playbooks, rules and directory again: all of it, or nothing where there is a mistake. */
  reload(): Promise<ReloadAnswer>;
  /** Where clients of a protocol connect to. */
  listener(protocol: string): ListenerAnswer | undefined;
  /** Puts the call into the audit trail; resolves when the spool has it. */
  recordControlAction(action: Omit<ControlAction, 'kind'>): Promise<void> | void;
  /** Where people look at an incident; undefined where nothing is configured. */
  incidentLink?(incident: Incident): string | undefined;
  health(): Health;
  readSecret(reference: SecretReference): Promise<string>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}
