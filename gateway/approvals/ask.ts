/**
 * A command that waits for a person: its approval is asked for, and the wait ends when it is decided, when the client has waited
 * long enough, or when the session is over. An approval outlives the wait: whoever runs the command again finds it.
 */
import type { Clock, Random, Timer } from '../../platform/clock/clock.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { ApprovalState, Client, Grant, Identity, Target } from '../../schemas/types.ts';
import type { ApprovalDemand, PolicyDecision } from '../policy/decision.ts';
import type { RequestInput } from '../sessions/session.ts';
import type { StoredApproval } from './approval.ts';
import type { ApprovalStore } from './approval-store.ts';
import type { ApprovalsView } from './approvals-view.ts';
import { approvalError } from './errors.ts';
import { newApproval, noticeOf } from './new-approval.ts';

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
  /** What the command would touch, in words, where the target can say. */
  readonly estimate?: () => Promise<readonly string[]>;
  /** The policy's decision of this moment where a grant makes it one that needs no approval; asked when a grant arrives. Never rejects. */
  readonly underGrant?: () => Promise<PolicyDecision | undefined>;
}

export type AskResult =
  | { readonly outcome: 'granted'; readonly approval: StoredApproval }
  /** Access for a time came meanwhile, and covers it. */
  | { readonly outcome: 'covered'; readonly decision: PolicyDecision }
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

/** Grants that are not in force yet, beside the timers of the wait. */
const TIMERS_MAX = 16;

/** It is good to know, and nobody waits longer for it. */
const ESTIMATE_MS = 1000;

function impactOf({ estimate }: ApprovalAsk, clock: Clock): Promise<readonly string[]> {
  if (estimate === undefined) return Promise.resolve([]);
  return new Promise((resolve) => {
    const timer = clock.after(ESTIMATE_MS, () => resolve([]));
    const settle = (lines: readonly string[]): void => {
      timer.cancel();
      resolve(lines);
    };
    estimate().then(settle, () => settle([]));
  });
}

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
    let covered = false;
    let weighing: symbol | undefined;
    let endedMeanwhile: Pick<ApprovalState, 'approvalId' | 'state'> | undefined;
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
      // Whoever went on under the grant has withdrawn it: what the policy is being asked comes first.
      else if (weighing !== undefined) endedMeanwhile = { approvalId, state };
      else if (state === 'refused') deny(approvalError('APPROVAL_REFUSED', { approvalId }));
      else if (!claiming) deny(approvalError('APPROVAL_ENDED', { approvalId, state }));
    };
    /** It may have ended while the policy was asked. */
    const stands = (grantId: string | undefined): boolean => {
      const grant = grantId === undefined ? undefined : view.grant(grantId);
      return grant !== undefined && grant.endedAt === null && grant.endsAt > clock.now();
    };
    /** Asks the policy again, with the grants of now. */
    const weigh = (): void => {
      if (settled || claiming || ask.underGrant === undefined) return;
      const mine = Symbol('weighing');
      weighing = mine;
      const weighed = (decision: PolicyDecision | undefined): void => {
        if (decision !== undefined && !claiming && !settled && stands(decision.grantId)) {
          covered = true;
          settle({ outcome: 'covered', decision });
          withdraw();
        }
        if (weighing !== mine) return;
        weighing = undefined;
        if (endedMeanwhile !== undefined) look(endedMeanwhile);
      };
      ask.underGrant().then(weighed, (error: unknown) => {
        log.error({ error }, 'the policy could not be asked again for what is held');
        weighed(undefined);
      });
    };
    /** Nobody needs to decide it any more. */
    const withdraw = (): void => {
      if (current?.state !== 'pending') return;
      const { approvalId, identityId } = current;
      store
        .withdraw(approvalId, identityId, 'access that was granted for a time covers it')
        .catch((error: unknown) => log.warn({ error, approvalId }, 'an approval could not be withdrawn'));
    };
    const onGrant = ({ identityId, startsAt, endedAt }: Grant): void => {
      if (settled || identityId !== ask.identity.id || endedAt !== null) return;
      const aheadMs = startsAt - clock.now();
      if (aheadMs <= 0) weigh();
      // Of a gateway whose clock is ahead.
      else if (timers.length < TIMERS_MAX) timers.push(clock.after(aheadMs, weigh));
    };
    const begin = async (): Promise<void> => {
      const stops = [view.onApproval(look), view.onGrant(onGrant)];
      stopListening = () => {
        for (const stop of stops) stop();
      };
      const impact = await impactOf(ask, clock);
      if (settled) return;
      const wanted = newApproval(ask, deps, config.expireMs, impact);
      const added = await store.add(wanted);
      if (!added.ok) {
        deny(added.error);
        return;
      }
      current = added.value;
      if (covered) withdraw();
      if (settled) return;
      const { approvalId } = current;
      const isNew = current.approvalId === wanted.approvalId;
      ask.onAsked(current, isNew);
      if (isNew) deps.onNew(current);
      const inTransaction = ask.request.inTransaction === true;
      const holdMs = inTransaction ? Math.min(config.holdInTransactionMs, config.holdMs) : config.holdMs;
      const waits = (): void => deny(approvalError('APPROVAL_WAITS', { approvalId, rule: ask.rule }));
      const notice = noticeOf(current);
      timers.push(
        clock.after(holdMs, waits),
        clock.every(config.noticeMs, () => ask.request.notify?.(notice)),
      );
      ask.request.notify?.(notice);
      // What the log told meanwhile, or what an earlier try had waited for.
      look(view.get(approvalId) ?? current);
      if (current.state === 'granted') look(current);
      // One that came while the policy was being asked.
      if (view.grantsOf(ask.identity.id, ask.target.connection).length > 0) weigh();
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
