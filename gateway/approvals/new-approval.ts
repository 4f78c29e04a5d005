/** An approval as it begins: what is asked for, by whom, and what the client reads meanwhile. */
import { demandOf, SHOWN_ACTIONS_MAX, SHOWN_TEXT_MAX, type StoredApproval } from './approval.ts';
import type { ApprovalAsk, AskDeps } from './ask.ts';
import { bindingOf, sessionBinding } from './binding.ts';

export function newApproval(
  ask: ApprovalAsk,
  { clock, random, gateway }: Pick<AskDeps, 'clock' | 'random' | 'gateway'>,
  expireMs: number,
  /** What the target says that it would touch. */
  impact: readonly string[],
): StoredApproval {
  const { identity, target, request, demand } = ask;
  const now = clock.now();
  return {
    approvalId: random.uuidv7(now),
    state: 'pending',
    scope: demand.scope,
    identityId: identity.id,
    identityKind: identity.kind,
    identityName: identity.displayName,
    groups: [...identity.groups],
    credentialSource: identity.credentialSource,
    principals: [...new Set([...identity.onBehalfOf, ...ask.principals.map(({ id }) => id)])],
    ip: ask.client.ip,
    connection: target.connection,
    protocol: target.protocol,
    host: target.host,
    database: target.database,
    role: target.role,
    sessionId: ask.sessionId,
    gateway,
    binding:
      demand.scope === 'statement'
        ? bindingOf(identity, target, request)
        : sessionBinding(ask.sessionId, ask.rule),
    shown: {
      verb: request.verb,
      text: request.text.slice(0, SHOWN_TEXT_MAX),
      actions: request.actions
        .slice(0, SHOWN_ACTIONS_MAX)
        .map(({ action, objectKind, object }) =>
          [action, objectKind, object].filter((part) => part !== null).join(' '),
        ),
      risk: request.risk,
      impact: impact.slice(0, SHOWN_ACTIONS_MAX),
    },
    rule: ask.rule,
    reason: ask.reason,
    statedReason: request.stated?.reason ?? null,
    ticket: request.stated?.ticket ?? null,
    demand: demandOf(demand),
    grant: null,
    words: [],
    requestedAt: now,
    expiresAt: now + expireMs,
    validUntil: null,
    usedAt: null,
    endedBy: null,
    endReason: null,
  };
}

/** What the client reads while it waits. */
export const noticeOf = ({ approvalId, rule, demand, expiresAt }: StoredApproval): string => {
  const who = demand.groups.length === 0 ? 'a person' : `a member of ${demand.groups.join(', ')}`;
  const many = demand.approvals > 1 ? `${demand.approvals} persons, each ${who},` : who;
  const factor = demand.secondFactor ? ' with a second factor' : '';
  const until = new Date(expiresAt).toISOString();
  return `waiting for approval ${approvalId}: rule ${rule} asks ${many}${factor} to agree (until ${until})`;
};
