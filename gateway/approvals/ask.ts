/**
 * A command that waits for a person: its approval is asked for, and the wait ends when it is decided, when the client has waited
 * long enough, or when the session is over. An approval outlives the wait: whoever runs the command again finds it.
 */
import type { Clock, Random, Timer } from '../../platform/clock/clock.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { ApprovalState, Client, Identity, Target } from '../../schemas/types.ts';
import type { ApprovalDemand } from '../policy/decision.ts';
import type { RequestInput } from '../sessions/session.ts';
import { demandOf, SHOWN_ACTIONS_MAX, SHOWN_TEXT_MAX, type StoredApproval } from './approval.ts';
import type { ApprovalStore } from './approval-store.ts';
import type { ApprovalsView } from './approvals-view.ts';
import { bindingOf, sessionBinding } from './binding.ts';
import { approvalError } from './errors.ts';

export interface ApprovalAsk {
  readonly identity: Identity;
  readonly principals: readonly Identity[];
  readonly client: Client;
  readonly target: Target;
  readonly sessionId: string;
  readonly request: RequestInput;
  readonly demand: ApprovalDemand;
  /** Rule that asks, and why. */
  readonly rule: string;
  readonly reason: string;
  /** Told once, when the approval is in the store: a new one, or one that waited already. */
  readonly onAsked: (approval: StoredApproval, isNew: boolean) => void;
}

export type AskResult =
  | { readonly outcome: 'granted'; readonly approval: StoredApproval }
  | { readonly outcome: 'denied'; readonly error: CountersignError };

export interface AskedApproval {
  /** Never rejects. */
  readonly result: Promise<AskResult>;
  /** The session is over, or the client does not wait any more. */
  end(): void;
}

export interface AskDeps {
  readonly store: ApprovalStore;
  readonly view: ApprovalsView;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly gateway: string;
  /** Told of each new one. */
  readonly onNew: (approval: StoredApproval) => void;
}

export interface AskConfig {
  /** How long a client waits; inside a transaction, how long. */
  readonly holdMs: number;
  readonly holdInTransactionMs: number;
  /** When an approval that nobody decides ends. */
  readonly expireMs: number;
  /** Between two notices to the client that it waits. */
  readonly noticeMs: number;
}

function approvalOf(
  ask: ApprovalAsk,
  { clock, random, gateway }: Pick<AskDeps, 'clock' | 'random' | 'gateway'>,
  expireMs: number,
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
      impact: [],
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
const noticeOf = ({ approvalId, rule, demand, expiresAt }: StoredApproval): string => {
  const who = demand.groups.length === 0 ? 'a person' : `a member of ${demand.groups.join(', ')}`;
  const many = demand.approvals > 1 ? `${demand.approvals} persons, each ${who},` : who;
  const factor = demand.secondFactor ? ' with a second factor' : '';
  const until = new Date(expiresAt).toISOString();
  return `waiting for approval ${approvalId}: rule ${rule} asks ${many}${factor} to agree (until ${until})`;
};

export function createAsk(deps: AskDeps, config: AskConfig): (ask: ApprovalAsk) => AskedApproval {
  const { store, view, clock, log } = deps;
  return (ask) => {
    let timers: Timer[] = [];
    let stopListening = (): void => undefined;
    let settle: (result: AskResult) => void = () => undefined;
    let settled = false;
    let current: StoredApproval | undefined;
    const result = new Promise<AskResult>((resolve) => {
      settle = (value) => {
        if (settled) return;
        settled = true;
        for (const timer of timers) timer.cancel();
        timers = [];
        stopListening();
        resolve(value);
      };
    });
    const deny = (error: CountersignError): void => settle({ outcome: 'denied', error });
    let claiming = false;
    const take = (approvalId: string): void => {
      if (claiming || settled) return;
      claiming = true;
      // It is decided: how long the store takes is not the client's waiting any more.
      for (const timer of timers) timer.cancel();
      // A session's approval is used as often as the session likes; a statement's once, by one gateway.
      const found =
        ask.demand.scope === 'session'
          ? store.get(approvalId).then((value) => ({ ok: true as const, value: value! }))
          : store.claim(approvalId);
      found.then(
        (known) => (known.ok ? settle({ outcome: 'granted', approval: known.value }) : deny(known.error)),
        (error: unknown) => {
          log.warn({ error, approvalId }, 'an approval could not be used: the control store does not answer');
          deny(approvalError('APPROVAL_STORE_AWAY'));
        },
      );
    };
    const look = ({ approvalId, state }: Pick<ApprovalState, 'approvalId' | 'state'>): void => {
      if (settled || approvalId !== current?.approvalId || state === 'pending') return;
      if (state === 'granted') take(approvalId);
      else if (state === 'refused') deny(approvalError('APPROVAL_REFUSED', { approvalId }));
      else if (!claiming) deny(approvalError('APPROVAL_ENDED', { approvalId, state }));
    };
    const begin = async (): Promise<void> => {
      const wanted = approvalOf(ask, deps, config.expireMs);
      stopListening = view.onApproval(look);
      const added = await store.add(wanted);
      if (!added.ok) {
        deny(added.error);
        return;
      }
      current = added.value;
      if (settled) return;
      const { approvalId } = current;
      const isNew = current.approvalId === wanted.approvalId;
      ask.onAsked(current, isNew);
      if (isNew) deps.onNew(current);
      const inTransaction = ask.request.inTransaction === true;
      const holdMs = inTransaction ? Math.min(config.holdInTransactionMs, config.holdMs) : config.holdMs;
      const waits = (): void => deny(approvalError('APPROVAL_WAITS', { approvalId, rule: ask.rule }));
      const notice = noticeOf(current);
      timers = [clock.after(holdMs, waits), clock.every(config.noticeMs, () => ask.request.notify?.(notice))];
      ask.request.notify?.(notice);
      // What the log told meanwhile, or what an earlier try had waited for.
      look(view.get(approvalId) ?? current);
      if (current.state === 'granted') look(current);
    };
    begin().catch((error: unknown) => {
      log.warn({ error }, 'an approval could not be asked for: the control store does not answer');
      deny(approvalError('APPROVAL_STORE_AWAY'));
    });
    return {
      result,
      end() {
        const approvalId = current?.approvalId ?? 'that was being asked for';
        deny(approvalError('APPROVAL_WAITS', { approvalId, rule: ask.rule }));
      },
    };
  };
}
