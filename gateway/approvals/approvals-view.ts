/**
 * What this gateway knows of approvals and grants, from the control topic; questions are answered synchronously, so that a command
 * under a grant waits for nobody.
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ApprovalState, Grant } from '../../schemas/types.ts';
import type { ControlView } from '../control/control-view.ts';

export interface ApprovalsView {
  /** An approval that was given for this very command and not used yet. */
  granted(binding: string): ApprovalState | undefined;
  /** An approval in force for what the session does under a rule. */
  forSession(sessionId: string, rule: string): ApprovalState | undefined;
  get(approvalId: string): ApprovalState | undefined;
  grant(grantId: string): Grant | undefined;
  /** Grants of an identity that open a connection now. */
  grantsOf(identityId: string, connection: string): readonly Grant[];
  /** Called in the tick that learns of a change. Returns how to stop. */
  onApproval(callback: (approval: ApprovalState) => void): () => void;
  onGrant(callback: (grant: Grant) => void): () => void;
}

/** Records are few and people make them; past this the oldest that have ended are forgotten at once. */
const SWEEP_MS = 60_000;
const KEPT_AFTER_MS = 3_600_000;

const approvalOver = (approval: ApprovalState): number => approval.validUntil ?? approval.expiresAt;

export function createApprovalsView({
  view,
  clock,
}: {
  readonly view: Pick<ControlView, 'onApplied'>;
  readonly clock: Clock;
}): ApprovalsView {
  const approvals = new Map<string, ApprovalState>();
  const grants = new Map<string, Grant>();
  const byBinding = new Map<string, Set<string>>();
  const bySession = new Map<string, Set<string>>();
  const byIdentity = new Map<string, Set<string>>();
  const onApproval = new Set<(approval: ApprovalState) => void>();
  const onGrant = new Set<(grant: Grant) => void>();

  const put = (index: Map<string, Set<string>>, key: string | null, id: string): void => {
    if (key === null) return;
    const there = index.get(key);
    if (there === undefined) index.set(key, new Set([id]));
    else there.add(id);
  };
  const take = (index: Map<string, Set<string>>, key: string | null, id: string): void => {
    if (key === null) return;
    const there = index.get(key);
    there?.delete(id);
    if (there?.size === 0) index.delete(key);
  };
  const forgetApproval = (approval: ApprovalState): void => {
    approvals.delete(approval.approvalId);
    take(byBinding, approval.binding, approval.approvalId);
    take(bySession, approval.sessionId, approval.approvalId);
  };
  const forgetGrant = (grant: Grant): void => {
    grants.delete(grant.grantId);
    take(byIdentity, grant.identityId, grant.grantId);
  };

  // The control view has dropped what is older than what it knows.
  view.onApplied(({ body }) => {
    if (body.kind === 'approval') {
      const before = approvals.get(body.approvalId);
      if (before !== undefined) forgetApproval(before);
      approvals.set(body.approvalId, body);
      put(byBinding, body.binding, body.approvalId);
      put(bySession, body.sessionId, body.approvalId);
      for (const callback of onApproval) callback(body);
    } else if (body.kind === 'grant') {
      grants.set(body.grantId, body);
      put(byIdentity, body.identityId, body.grantId);
      for (const callback of onGrant) callback(body);
    }
  });
  clock.every(SWEEP_MS, () => {
    const before = clock.now() - KEPT_AFTER_MS;
    for (const approval of approvals.values()) if (approvalOver(approval) < before) forgetApproval(approval);
    for (const grant of grants.values()) if (grant.endsAt < before) forgetGrant(grant);
  });

  const usable = (
    ids: ReadonlySet<string> | undefined,
    fits: (approval: ApprovalState) => boolean,
  ): ApprovalState | undefined => {
    const now = clock.now();
    for (const id of ids ?? []) {
      const approval = approvals.get(id)!;
      if (approval.state === 'granted' && (approval.validUntil ?? 0) > now && fits(approval)) return approval;
    }
    return undefined;
  };
  return {
    granted: (binding) => usable(byBinding.get(binding), ({ scope }) => scope === 'statement'),
    forSession: (sessionId, rule) =>
      usable(bySession.get(sessionId), (approval) => approval.scope === 'session' && approval.rule === rule),
    get: (approvalId) => approvals.get(approvalId),
    grant: (grantId) => grants.get(grantId),
    grantsOf(identityId, connection) {
      const ids = byIdentity.get(identityId);
      if (ids === undefined) return [];
      const now = clock.now();
      return [...ids]
        .map((id) => grants.get(id)!)
        .filter(
          ({ connections, startsAt, endsAt, endedAt }) =>
            endedAt === null &&
            startsAt <= now &&
            endsAt > now &&
            (connections.includes('*') || connections.includes(connection)),
        );
    },
    onApproval(callback) {
      onApproval.add(callback);
      return () => void onApproval.delete(callback);
    },
    onGrant(callback) {
      onGrant.add(callback);
      return () => void onGrant.delete(callback);
    },
  };
}
