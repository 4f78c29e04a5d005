/** The decision on one command: what it is made from and what comes out. One pipeline for every protocol. */
import type { Action, Client, Identity, Outcome, RiskClass, Target } from '../../schemas/types.ts';

/** What was done before this command, as this gateway knows it. */
export interface Usage {
  /** Requests of the identity in the last minute, this one included; at other gateways as far as they have told (shared-rates.ts). */
  readonly identityRequestsLastMinute: number;
  /** Requests of the session in the last minute, this one included. */
  readonly sessionRequestsLastMinute: number;
  /** Rows and bytes of the session's answers so far. */
  readonly rows: number;
  readonly bytes: number;
}

/** Access that was given for a time (gateway/approvals). Lists hold globs; `*` is everything, and so are no objects at all. */
export interface GrantRef {
  readonly grantId: string;
  readonly actions: readonly string[];
  readonly connections: readonly string[];
  readonly objects: readonly string[];
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
}

export interface DecisionInput {
  readonly identity: Identity;
  readonly client: Client;
  readonly target: Target;
  readonly actions: readonly Action[];
  readonly risk: RiskClass;
  readonly fingerprint: string | null;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: number;
  /** Persons that an agent acts for, nearest first: what any of them may not do, it may not do either. */
  readonly principals?: readonly Identity[];
  /** Absent: nothing was done before. */
  readonly usage?: Usage;
  /** Why the client does it, in its own words. */
  readonly reason?: string | null;
  /** Id of the ticket that it does it for. */
  readonly ticket?: string | null;
  readonly grants?: readonly GrantRef[];
}

/** What must not be passed, enforced while the answer comes. */
export interface Limits {
  /** Of one answer. */
  readonly rowsMax?: number;
  readonly bytesMax?: number;
  /** Of all answers of the session together. */
  readonly sessionRowsMax?: number;
  readonly sessionBytesMax?: number;
}

/** Who must agree before the command runs. */
export interface ApprovalDemand {
  /** How many persons. */
  readonly approvals: number;
  /** In one of which each of them must be; empty: any approver. */
  readonly groups: readonly string[];
  readonly secondFactor: boolean;
  /** For this statement only, or for what the session does under the same rule. */
  readonly scope: 'statement' | 'session';
  /** How long an approval may be used after it was given, milliseconds. */
  readonly validMs: number;
}

/** How a hold for the detectors' verdict ends; what is absent stands in the gateway's configuration. */
export interface VerdictTerms {
  readonly holdMs?: number;
  readonly onLate?: 'deny' | 'allow';
}

export interface PolicyDecision {
  readonly outcome: Outcome;
  /** Name of the rule that decided. */
  readonly rule: string;
  /** In plain words. */
  readonly reason: string;
  /** With every outcome but deny. */
  readonly limits?: Limits;
  /** With hold_approval only. */
  readonly approval?: ApprovalDemand;
  /** With hold_verdict only. */
  readonly verdict?: VerdictTerms;
  /** The grant that made an allow of what would have been denied or held. */
  readonly grantId?: string;
}

export interface Policy {
  /**
   * At once wherever that can be; a promise (it never rejects, and is bounded in time) where another process or thread is asked. A
   * policy that cannot decide denies.
   */
  decide(input: DecisionInput): PolicyDecision | Promise<PolicyDecision>;
  /** Whether `decide` may look at how much an identity asked for in the last minute. Absent: it does not. */
  readonly countsIdentities?: boolean;
  /** Changes whenever `decide` might answer differently for the same input but time; caches key on it. */
  readonly version: number;
}

/** A policy that always answers at once. */
export interface DirectPolicy extends Policy {
  decide(input: DecisionInput): PolicyDecision;
}
