/**
 * What every protocol does its work on: open a session, gate each request, report each response, close. Events, hash
 * chains, spool, policy, holds, lockouts, kills and recording stand behind it, so that a protocol folder has none of them.
 */
import type {
  Action,
  Client,
  CloseReason,
  Identity,
  Outcome,
  ResponseStatus,
  RiskClass,
  Target,
} from '../../schemas/types.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Limits } from '../policy/decision.ts';

/** One command as the protocol's analyser sees it. */
export interface RequestInput {
  readonly verb: string;
  /** The command with secrets lifted. */
  readonly text: string;
  /** Raw bytes (secrets lifted) where `text` is lossy. */
  readonly textBytes?: Uint8Array;
  readonly fingerprint: string | null;
  readonly actions: readonly Action[];
  readonly risk: RiskClass;
  readonly parameterCount?: number;
  readonly parametersDigest?: Uint8Array | null;
  readonly channel?: string | null;
  /** Why the client does it and for which ticket, where the protocol was told. */
  readonly stated?: { readonly reason: string | null; readonly ticket: string | null };
  /** Locks in the target wait with it: it may be held for a person only for a short time. */
  readonly inTransaction?: boolean;
  /** Tells the client what it waits for; called again and again while it does. */
  readonly notify?: (message: string) => void;
  /** The protocol itself must refuse, whatever policy says (session limits, settings that may not be changed). */
  readonly forcedDenial?: { readonly rule: string; readonly reason: string };
}

/** How a request may go on. */
export interface GateDecision {
  readonly outcome: 'allow' | 'mask' | 'deny';
  readonly decisionId: string;
  readonly rule: string;
  readonly reason: string;
  /** What the answer may not pass; the protocol cuts it off there. */
  readonly limits?: Limits;
}

export interface RequestGate {
  readonly requestId: string;
  /** What policy said first; null while somebody else is asked. */
  readonly first: Outcome | null;
  /**
   * The final decision. Known at once (the event is in the spool, go on now) where nothing must be waited for; else a promise
   * that resolves after a hold or a flush. It never rejects: what goes wrong is a denial with its reason.
   */
  readonly decision: GateDecision | Promise<GateDecision>;
  /** The client does not wait any more (it cancelled): a request that is held is denied. Absent where nothing is held. */
  readonly abandon?: () => void;
}

export interface ResponseInput {
  readonly status: ResponseStatus;
  readonly rows: number;
  readonly bytes: number;
  readonly durationUs: number;
  readonly tag?: string | null;
  readonly errorCode?: string | null;
  readonly errorMessage?: string | null;
  /** SHA-256 of the body as recorded. */
  readonly bodyDigest?: Uint8Array | null;
}

/** An order to end the session now: tell the client if that takes no waiting, close its socket, end what runs in the target. */
export interface EndOrder {
  readonly reason: CloseReason;
  /** What the client hears. */
  readonly error: CountersignError;
  /** Why, for the trail only; else the error's message. */
  readonly detail?: string;
  readonly lockoutId: string | null;
  readonly incidentId: string | null;
}

export interface SessionOpening {
  readonly identity: Identity;
  /** Persons that an agent acts for, nearest first. Absent: none. */
  readonly principals?: readonly Identity[];
  /** Ids of grants that it stands on from its start. Absent: none. */
  readonly relies?: readonly string[];
  readonly client: Client;
  readonly target: Target;
  readonly authentication: string;
  readonly tls: boolean;
  /** The target's own id of the session (PostgreSQL: `pid@start`), for ending it after a crash of the gateway. */
  readonly targetSession: string | null;
  /** About how many rows stand in what a command touches, for whoever is asked to approve it: a line each. Absent: nobody can say. */
  readonly estimate?: (actions: readonly Action[]) => Promise<readonly string[]>;
  /** Must close the client's socket before it returns; ending the target's work may go on. Called at most once. */
  readonly end: (order: EndOrder) => void;
}

/**
 * Receives what the client received and sent, for the recording, and copies it: the bytes' buffer is used again. `size` is
 * COLUMNSxROWS of a terminal. `false`: wait for `drained` before reading on.
 */
export interface RecordingSink {
  write(stream: 'in' | 'out' | 'size', requestId: string | null, bytes: Uint8Array): boolean;
  drained(): Promise<void>;
}

export interface Session {
  readonly id: string;
  readonly recording: RecordingSink;
  /** Decides a request and puts its event into the spool. Calls must be in the order of the commands. */
  request(input: RequestInput): RequestGate;
  /** Reports the end of an allowed request; exactly once for each. Denials are reported by the gate itself. */
  response(requestId: string, input: ResponseInput): void;
  /**
   * Ends the session's events; later calls are ignored. Every opened session must be closed. `evidence`: what was found in the
   * target afterwards; it is told also where somebody else ordered the end and said why.
   */
  close(reason: CloseReason, detail?: string, evidence?: string): void;
}

export interface Sessions {
  /** Opens a session, or says why not (lockout, lease, spool, limit); a refusal's event is written here. */
  open(
    opening: SessionOpening,
  ):
    | { readonly ok: true; readonly session: Session }
    | { readonly ok: false; readonly error: CountersignError };
  /** Writes the event of a login that failed before a session. */
  refused(refusal: {
    readonly identity: Identity | null;
    readonly client: Client;
    readonly target: Target | null;
    readonly claimedName: string | null;
    readonly error: CountersignError;
  }): void;
}
