/**
 * An approval: what somebody asked for, who has to agree, and what became of it. Kept in the control store; its state goes to every
 * gateway by countersign.control.
 */
import type { ApprovalScope, ApprovalStateName, IdentityKind } from '../../schemas/types.ts';
import type { ApprovalDemand } from '../policy/decision.ts';

/** How an approver proved at the moment of the decision that it is he. */
export type Factor = 'webauthn' | 'totp';

/** One person's word. */
export type ApprovalWord = {
  readonly by: string;
  readonly granted: boolean;
  readonly factor: Factor | null;
  readonly reason: string;
  readonly at: number;
};

/** What is asked for, as an approver sees it. Secrets are lifted already. */
export type ApprovalShown = {
  readonly verb: string;
  /** At most `SHOWN_TEXT_MAX` characters. */
  readonly text: string;
  /** `action object` each, at most `SHOWN_ACTIONS_MAX`. */
  readonly actions: readonly string[];
  readonly risk: string;
  /** What else the command would touch, as the target's catalogue estimates it; empty where nobody could say. */
  readonly impact: readonly string[];
};
export const SHOWN_TEXT_MAX = 8192;
export const SHOWN_ACTIONS_MAX = 100;

/** Access for a time, before it is given. */
export type GrantTerms = {
  readonly name: string;
  readonly connections: readonly string[];
  readonly actions: readonly string[];
  readonly objects: readonly string[];
  /** Roles at the target that an account of its own will be in; null: the connection's own account. */
  readonly targetRoles: readonly string[] | null;
  readonly durationMs: number;
};

export type StoredApproval = {
  readonly approvalId: string;
  readonly state: ApprovalStateName;
  readonly scope: ApprovalScope;
  readonly identityId: string;
  readonly identityKind: IdentityKind;
  readonly identityName: string;
  readonly groups: readonly string[];
  readonly credentialSource: string | null;
  /** Persons that it acts for. */
  readonly principals: readonly string[];
  readonly ip: string | null;
  readonly connection: string;
  readonly protocol: string | null;
  readonly host: string | null;
  readonly database: string | null;
  readonly role: string | null;
  /** The session that the request was held in; for scope session, the one that it holds for. */
  readonly sessionId: string | null;
  readonly gateway: string | null;
  readonly binding: string | null;
  readonly shown: ApprovalShown | null;
  readonly rule: string | null;
  /** Why it is asked for: the rule's words, or the requester's for a grant. */
  readonly reason: string;
  /** What the requester says of it. */
  readonly statedReason: string | null;
  readonly ticket: string | null;
  readonly demand: {
    readonly approvals: number;
    readonly groups: readonly string[];
    readonly secondFactor: boolean;
    readonly validMs: number;
  };
  readonly grant: GrantTerms | null;
  readonly words: readonly ApprovalWord[];
  readonly requestedAt: number;
  /** When it ends undecided. */
  readonly expiresAt: number;
  readonly validUntil: number | null;
  readonly usedAt: number | null;
  /** Who withdrew or revoked it, and why. */
  readonly endedBy: string | null;
  readonly endReason: string | null;
};

/** What the store keeps of a demand (JSON). */
export const demandOf = ({ approvals, groups, secondFactor, validMs }: ApprovalDemand) => ({
  approvals,
  groups: [...groups],
  secondFactor,
  validMs,
});

/** The state it is really in: nobody writes down that a time went by. */
export function stateAt(
  approval: Pick<StoredApproval, 'state' | 'expiresAt' | 'validUntil'>,
  now: number,
): ApprovalStateName {
  if (approval.state === 'pending' && approval.expiresAt <= now) return 'expired';
  if (approval.state === 'granted' && (approval.validUntil ?? 0) <= now) return 'expired';
  return approval.state;
}
