/** Approvals and grants, put together: what sessions ask of them, and what people do with them by the control API. */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { ControlStore, ControlTransaction } from '../../platform/control-store/control-store.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Codec } from '../../schemas/codec.ts';
import type { ApprovalsConfig } from '../../schemas/config/approvals.ts';
import type { ControlRecord, Identity } from '../../schemas/types.ts';
import type { ControlView } from '../control/control-view.ts';
import { publishControl } from '../control/publish.ts';
import { IDENTITIES, type StoredIdentity } from '../control/token-index.ts';
import { matchesGlob } from '../policy/globs.ts';
import type { StoredApproval } from './approval.ts';
import { createApprovalStore, type ApprovalAnswer, type ApprovalStore } from './approval-store.ts';
import { createApprovalsView, type ApprovalsView } from './approvals-view.ts';
import type { Account, Approver } from './approver.ts';
import { createAsk } from './ask.ts';
import { approvalError } from './errors.ts';
import { createSessionApprovals, type SessionApprovals } from './session-approvals.ts';

export interface GrantRequest {
  readonly identity: Pick<
    Identity,
    'id' | 'kind' | 'displayName' | 'groups' | 'credentialSource' | 'onBehalfOf'
  >;
  readonly ip: string | null;
  /** Of the configuration. */
  readonly template: string;
  readonly connection: string;
  readonly durationMs: number;
  readonly reason: string;
  readonly ticket: string | null;
}

export interface Approvals {
  readonly forSessions: SessionApprovals;
  readonly store: ApprovalStore;
  readonly view: ApprovalsView;
  /** Asks persons for access for a time, by a template of the configuration. */
  requestGrant(request: GrantRequest): Promise<ApprovalAnswer<StoredApproval>>;
  /** Calls back for each new approval that is asked for at this gateway. */
  onAsked(callback: (approval: StoredApproval) => void): void;
  /** A person as known now; undefined where it is no person, or gone. */
  person(identityId: string): Promise<Approver['identity'] | undefined>;
}

export interface ApprovalsDeps {
  readonly store: ControlStore;
  readonly view: ControlView;
  readonly codec: Codec<ControlRecord>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly gateway: string;
}

export function createApprovals(deps: ApprovalsDeps, config: ApprovalsConfig): Approvals {
  const { clock, random } = deps;
  const account = async (
    transaction: Pick<ControlTransaction, 'get'>,
    identityId: string,
  ): Promise<Account | undefined> => {
    const stored = (await transaction.get<StoredIdentity>(IDENTITIES, identityId))?.value;
    if (stored === undefined) return undefined;
    const subject = {
      sessionId: null,
      tokenId: null,
      identityId,
      credentialSource: null,
      connection: null,
      exerciseId: null,
    };
    return {
      kind: stored.kind,
      groups: stored.groups,
      owner: stored.owner ?? stored.attributes['owner'] ?? null,
      gone: stored.active === false || deps.view.check(subject) !== undefined,
    };
  };
  const store = createApprovalStore(
    {
      ...deps,
      account,
      publish: async (transaction, body) => void (await publishControl(deps, transaction, body)),
    },
    config,
  );
  const view = createApprovalsView(deps);
  const askedListeners: ((approval: StoredApproval) => void)[] = [];
  const told = (approval: StoredApproval): void => {
    for (const listener of askedListeners) listener(approval);
  };
  const forSessions = createSessionApprovals(
    { view, clock },
    createAsk({ ...deps, store, view, onNew: told }, config),
  );
  return {
    forSessions,
    store,
    view,
    onAsked: (callback) => void askedListeners.push(callback),
    async person(identityId) {
      const found = await account(deps.store, identityId);
      return found === undefined || found.gone || found.kind !== 'human'
        ? undefined
        : {
            id: identityId,
            kind: 'human',
            groups: [...found.groups],
            credentialSource: null,
            onBehalfOf: [],
          };
    },
    async requestGrant(request) {
      const { identity, connection, durationMs } = request;
      const template = config.grantTemplates.find(
        ({ name, connections }) =>
          name === request.template && connections.some((pattern) => matchesGlob(pattern, connection)),
      );
      if (template === undefined)
        return { ok: false, error: approvalError('GRANT_TEMPLATE_ABSENT', { name: request.template }) };
      const { durationMsMax } = template;
      if (durationMs > durationMsMax)
        return { ok: false, error: approvalError('GRANT_TOO_LONG', { durationMsMax, durationMs }) };
      const now = clock.now();
      const added = await store.add({
        approvalId: random.uuidv7(now),
        state: 'pending',
        scope: 'grant',
        identityId: identity.id,
        identityKind: identity.kind,
        identityName: identity.displayName,
        groups: [...identity.groups],
        credentialSource: identity.credentialSource,
        principals: [...identity.onBehalfOf],
        ip: request.ip,
        connection,
        protocol: null,
        host: null,
        database: null,
        role: null,
        sessionId: null,
        gateway: deps.gateway,
        binding: null,
        shown: null,
        rule: null,
        reason: `grant ${template.name} on ${connection} for ${Math.round(durationMs / 60_000)} min`,
        statedReason: request.reason,
        ticket: request.ticket,
        demand: {
          approvals: template.approvalsMin,
          groups: [...template.groups],
          secondFactor: template.secondFactor,
          validMs: durationMs,
        },
        grant: {
          name: template.name,
          connections: [connection],
          actions: [...template.actions],
          objects: [...template.objects],
          targetRoles: template.targetRoles === undefined ? null : [...template.targetRoles],
          durationMs,
        },
        words: [],
        requestedAt: now,
        expiresAt: now + config.expireMs,
        validUntil: null,
        usedAt: null,
        endedBy: null,
        endReason: null,
      });
      if (added.ok) told(added.value);
      return added;
    },
  };
}
