/** Gates each request of a session: decision, event, hold; and takes the responses. */
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { DecisionRef, Outcome, RiskClass } from '../../schemas/types.ts';
import { accessError } from '../access/errors.ts';
import { controlError } from '../control/errors.ts';
import type { ApprovalDemand, Limits, PolicyDecision, Usage } from '../policy/decision.ts';
import { afterAnswer } from './after-answer.ts';
import type { Hold, HoldResult } from './holds.ts';
import type { SessionState } from './session-state.ts';
import { requestBody } from './request-body.ts';
import type { SessionServices } from './session-services.ts';
import type { GateDecision, RequestGate, RequestInput, ResponseInput } from './session.ts';

/** An answer may reach the client before its event the spool. */
const LAZY = { lazy: true } as const;
/** Where a policy asks for an approval and does not say whose. */
const DEFAULT_DEMAND: ApprovalDemand = {
  approvals: 1,
  groups: [],
  secondFactor: true,
  scope: 'statement',
  validMs: 900_000,
};
const HIGH: ReadonlySet<RiskClass> = new Set(['high', 'critical']);

interface Final {
  readonly outcome: GateDecision['outcome'];
  readonly rule: string;
  readonly reason: string;
  readonly limits?: Limits;
}
const deny = (rule: string, reason: string): Final => ({ outcome: 'deny', rule, reason });
const byError = (error: CountersignError): Final => deny(error.code, error.message);

/** As the event has it: without what only the protocol needs. */
const refOf = (decisionId: string, { outcome, rule, reason }: Final | PolicyDecision): DecisionRef => ({
  decisionId,
  outcome,
  rule,
  reason,
});
const limited = ({ limits }: PolicyDecision): { limits?: Limits } => (limits === undefined ? {} : { limits });

/** What a hold's result means. */
function afterHold(result: HoldResult, first: PolicyDecision, allowWhenLate: boolean): Final {
  const { limits } = first;
  const final = meaningOf(result, first, allowWhenLate);
  return limits === undefined || final.outcome === 'deny' ? final : { ...final, limits };
}

function meaningOf(result: HoldResult, first: PolicyDecision, allowWhenLate: boolean): Final {
  switch (result.outcome) {
    case 'passed':
      return { outcome: 'allow', rule: first.rule, reason: 'the detectors have passed it' };
    case 'contained':
      return deny('verdict', 'the detectors spoke about this request, and it was contained');
    case 'asked':
      return deny('verdict', 'the detectors spoke about this request, and a person must decide first');
    case 'ended':
      return deny('session', 'the session was ended');
    case 'late':
      return allowWhenLate && result.detectionIds.length === 0
        ? {
            outcome: 'allow',
            rule: first.verdict?.onLate === undefined ? 'onDetectionLag' : first.rule,
            reason: 'the detectors did not answer in time; allowed as configured',
          }
        : deny(
            first.verdict?.onLate === undefined ? 'onDetectionLag' : first.rule,
            'no verdict came in time',
          );
  }
}

export interface RequestGates {
  request(input: RequestInput): RequestGate;
  response(requestId: string, input: ResponseInput): void;
}

export function createRequestGates(services: SessionServices, state: SessionState): RequestGates {
  const { writer, deferred, policy, view, lease, holds, rates, approvals, clock, config } = services;
  const { opening, subject } = state;

  /** Why nothing may run now, whatever policy says. */
  const standing = (risk: RiskClass): Final | undefined => {
    if (state.order !== undefined) return byError(state.order.error);
    if (state.closed) return deny('session', 'the session is over');
    const refusal = view.check(subject);
    if (refusal !== undefined) return byError(refusal.error);
    const { expiresAt } = opening.identity;
    if (expiresAt !== null && expiresAt <= clock.now()) return byError(accessError('TOKEN_EXPIRED'));
    // People may go on with what does little harm; nobody else may act on a stale view.
    if (!lease.held() && (opening.identity.kind !== 'human' || HIGH.has(risk)))
      return byError(controlError('LEASE_LOST'));
    return undefined;
  };
  /** All of them count, refused ones too: trying again must not be free. */
  const counted = (): Usage => ({
    identityRequestsLastMinute: rates.ofIdentity(opening.identity.id),
    sessionRequestsLastMinute: rates.ofSession(state.rate),
    rows: state.totals.rows,
    bytes: state.totals.bytes,
  });
  const decide = (
    input: RequestInput,
    usage: Usage = counted(),
  ): PolicyDecision | Promise<PolicyDecision> => {
    const refused = standing(input.risk);
    if (refused !== undefined) return refused;
    if (input.forcedDenial !== undefined) return { outcome: 'deny', ...input.forcedDenial };
    const { identity, client, target, principals } = opening;
    const { actions, risk, fingerprint, stated } = input;
    const decided = policy.decide({
      identity,
      client,
      target,
      actions,
      risk,
      fingerprint,
      now: clock.now(),
      usage,
      reason: stated?.reason ?? null,
      ticket: stated?.ticket ?? null,
      grants: approvals.grantsOf(identity.id, target.connection),
      ...(principals === undefined ? {} : { principals }),
    });
    // Much may have happened while somebody else was asked.
    return decided instanceof Promise ? decided.then((known) => standing(risk) ?? known) : decided;
  };
  const gateOf = (
    requestId: string,
    first: Outcome | null,
    decisionId: string,
    final: Final | Promise<Final>,
    abandon?: () => void,
  ): RequestGate => ({
    requestId,
    first,
    decision:
      final instanceof Promise ? final.then((known) => ({ ...known, decisionId })) : { ...final, decisionId },
    ...(abandon === undefined ? {} : { abandon }),
  });
  const reportDenial = (requestId: string, channel: string | null, final: Final): Final => {
    deferred.write(
      state.draft(
        {
          kind: 'response',
          status: 'denied',
          rows: 0,
          bytes: 0,
          durationUs: 0,
          tag: null,
          errorCode: null,
          errorMessage: final.reason.slice(0, 2000),
          maskedFields: [],
          bodyDigest: null,
        },
        requestId,
        channel,
      ),
    );
    return final;
  };

  /** Writes how a request that had to wait ended, and says whether it may go on at this moment. */
  const conclude = (
    requestId: string,
    input: RequestInput,
    decisionId: string,
    wanted: Final,
    held: { heldUs: number; detectionIds: readonly string[] },
  ): Final => {
    const refused = wanted.outcome === 'deny' ? undefined : standing(input.risk);
    let final = refused ?? wanted;
    if (state.closed) return final;
    const draft = (): ReturnType<SessionState['draft']> => {
      const decision = refOf(decisionId, final);
      const body = {
        kind: 'decision' as const,
        decision,
        heldUs: held.heldUs,
        detectionIds: held.detectionIds.slice(0, 100),
      };
      return state.draft(body, requestId, input.channel ?? null);
    };
    if (final.outcome !== 'deny') {
      const written = services.write(draft());
      if (written.ok) {
        state.open.set(requestId, true);
        return final;
      }
      final = byError(written.error);
    }
    deferred.write(draft());
    return reportDenial(requestId, input.channel ?? null, final);
  };
  const goesOnWhenLate = ({ verdict }: PolicyDecision): boolean =>
    (verdict?.onLate ?? config.onDetectionLag) === 'allow';
  const wait = async (
    requestId: string,
    input: RequestInput,
    decisionId: string,
    first: PolicyDecision,
    durable: Promise<CountersignError | undefined> | undefined,
    hold: Hold | undefined,
  ): Promise<Final> => {
    const failed = await durable;
    const none = { heldUs: 0, detectionIds: [] };
    if (failed !== undefined) {
      hold?.end();
      return conclude(requestId, input, decisionId, byError(failed), none);
    }
    if (hold === undefined) {
      const refused = standing(input.risk);
      if (refused !== undefined) return conclude(requestId, input, decisionId, refused, none);
      if (first.outcome === 'mask' || first.outcome === 'allow') {
        state.open.set(requestId, true);
        return { outcome: first.outcome, rule: first.rule, reason: first.reason, ...limited(first) };
      }
      return reportDenial(requestId, input.channel ?? null, deny(first.rule, first.reason));
    }
    const result = await hold.result;
    state.holds.delete(hold);
    return conclude(requestId, input, decisionId, afterHold(result, first, goesOnWhenLate(first)), result);
  };

  /** Every person's approval is also one that the detectors have something to say about, where nobody sits behind the command. */
  const needsVerdict = (risk: RiskClass): boolean => opening.identity.kind !== 'human' && HIGH.has(risk);
  /** What an approval of the whole session makes of a decision that asks for one. */
  const underApproval = (input: RequestInput, first: PolicyDecision): PolicyDecision => {
    // Who was given access for a time is still looked at by the detectors.
    if (first.grantId !== undefined && first.outcome === 'allow' && needsVerdict(input.risk))
      return { ...first, outcome: 'hold_verdict' };
    if (first.outcome !== 'hold_approval') return first;
    const approval = approvals.forSession(state.id, first.rule);
    if (approval === undefined) return first;
    state.relies.add(approval.approvalId);
    return {
      outcome: needsVerdict(input.risk) ? 'hold_verdict' : 'allow',
      rule: first.rule,
      reason: `approval ${approval.approvalId} holds for this session`,
      ...limited(first),
    };
  };
  /** What the policy says now to a command that is held, where a grant lets it go on. It was counted when it came. */
  const underGrant = async (
    input: RequestInput,
    hold: Hold | undefined,
  ): Promise<PolicyDecision | undefined> => {
    const { rows, bytes } = state.totals;
    const usage = { identityRequestsLastMinute: 0, sessionRequestsLastMinute: 0, rows, bytes };
    const now = await decide(input, usage);
    if (now.grantId === undefined) return undefined;
    return now.outcome === 'allow' || (now.outcome === 'hold_verdict' && hold !== undefined)
      ? now
      : undefined;
  };
  /** Waits for persons, and for the detectors where they are to be heard too. */
  const askFor = (
    requestId: string,
    decisionId: string,
    input: RequestInput,
    first: PolicyDecision,
    durable: Promise<CountersignError | undefined> | undefined,
    hold: Hold | undefined,
  ): { readonly final: Promise<Final>; readonly abandon: () => void } => {
    const startUs = clock.monotonicUs();
    const channel = input.channel ?? null;
    const asked = approvals.ask({
      identity: opening.identity,
      principals: opening.principals ?? [],
      client: opening.client,
      target: opening.target,
      sessionId: state.id,
      request: input,
      demand: first.approval ?? DEFAULT_DEMAND,
      rule: first.rule,
      reason: first.reason,
      underGrant: () => underGrant(input, hold),
      estimate: () => opening.estimate?.(input.actions) ?? Promise.resolve([]),
      onAsked({ approvalId, reason, expiresAt }) {
        if (!state.closed)
          deferred.write(
            state.draft({ kind: 'approval_requested', approvalId, reason, expiresAt }, requestId, channel),
          );
      },
    });
    state.holds.add(asked);
    const work = async (): Promise<Final> => {
      const failed = await durable;
      if (failed !== undefined) asked.end();
      const result = await asked.result;
      state.holds.delete(asked);
      const heldUs = (): number => Math.round(clock.monotonicUs() - startUs);
      if (result.outcome === 'denied') {
        hold?.end();
        if (hold !== undefined) state.holds.delete(hold);
        const none = { heldUs: heldUs(), detectionIds: [] };
        return conclude(requestId, input, decisionId, byError(failed ?? result.error), none);
      }
      const { id, granted } = afterAnswer(result, first);
      state.relies.add(id);
      const verdict = await hold?.result;
      if (hold !== undefined) state.holds.delete(hold);
      const held = { heldUs: heldUs(), detectionIds: verdict?.detectionIds ?? [] };
      const final =
        verdict === undefined || verdict.outcome === 'passed'
          ? { outcome: 'allow' as const, rule: granted.rule, reason: granted.reason, ...limited(granted) }
          : afterHold(verdict, granted, goesOnWhenLate(first));
      return conclude(requestId, input, decisionId, final, held);
    };
    return { final: work(), abandon: () => asked.end() };
  };

  const request = (input: RequestInput): RequestGate => {
    const requestId = writer.newId();
    const decisionId = writer.newId();
    if (state.closed) return gateOf(requestId, 'deny', decisionId, deny('session', 'the session is over'));
    const first = decide(input);
    if (!(first instanceof Promise)) return decided(requestId, decisionId, input, first);
    const decision = first.then(
      (known) =>
        (state.closed
          ? gateOf(requestId, 'deny', decisionId, deny('session', 'the session is over'))
          : decided(requestId, decisionId, input, known)
        ).decision,
    );
    return { requestId, first: null, decision };
  };

  /** With the policy's decision: writes the request's event, and holds it where it must wait. */
  const decided = (
    requestId: string,
    decisionId: string,
    input: RequestInput,
    judged: PolicyDecision,
  ): RequestGate => {
    const first = underApproval(input, judged);
    if (first.grantId !== undefined) state.relies.add(first.grantId);
    const channel = input.channel ?? null;
    const ref = refOf(decisionId, first);
    const lagging =
      first.outcome === 'hold_verdict' &&
      first.verdict?.onLate === undefined &&
      config.onDetectionLag !== 'hold_then_deny' &&
      holds.lagging();
    const asksPerson = first.outcome === 'hold_approval';
    const eventId = writer.newId();
    // Before the event leaves: no verdict may come earlier than the wait for it.
    const waits = first.outcome === 'hold_verdict' ? !lagging : asksPerson && needsVerdict(input.risk);
    const hold = waits ? holds.hold(eventId, first.verdict?.holdMs) : undefined;
    const written = services.write(
      state.draft(requestBody(input, ref), requestId, channel),
      hold === undefined ? { eventId } : { eventId, onDrained: (position) => hold.placed(position) },
    );
    if (!written.ok) {
      hold?.end();
      const harmless = first.outcome === 'allow' || first.outcome === 'mask';
      if (config.onSpoolFull === 'deny' || !harmless)
        return gateOf(
          requestId,
          first.outcome,
          decisionId,
          first.outcome === 'deny' ? deny(first.rule, first.reason) : byError(written.error),
        );
      services.countUnaudited(written.error);
      state.totals.requests += 1;
      state.open.set(requestId, false);
      return gateOf(requestId, first.outcome, decisionId, {
        outcome: first.outcome,
        rule: first.rule,
        reason: first.reason,
        ...limited(first),
      });
    }
    state.totals.requests += 1;
    if (hold !== undefined) state.holds.add(hold);
    const none = { heldUs: 0, detectionIds: [] };
    if (lagging) {
      const late = afterHold({ outcome: 'late', ...none }, first, config.onDetectionLag === 'allow');
      return gateOf(requestId, first.outcome, decisionId, conclude(requestId, input, decisionId, late, none));
    }
    if (asksPerson) {
      const asked = askFor(requestId, decisionId, input, first, written.durable, hold);
      return gateOf(requestId, first.outcome, decisionId, asked.final, asked.abandon);
    }
    if (first.outcome === 'deny')
      return gateOf(
        requestId,
        'deny',
        decisionId,
        reportDenial(requestId, channel, deny(first.rule, first.reason)),
      );
    if (hold !== undefined || written.durable !== undefined)
      return gateOf(
        requestId,
        first.outcome,
        decisionId,
        wait(requestId, input, decisionId, first, written.durable, hold),
      );
    state.open.set(requestId, true);
    const { outcome, rule, reason, limits } = first as PolicyDecision & { outcome: 'allow' | 'mask' };
    const decision: GateDecision =
      limits === undefined
        ? { outcome, decisionId, rule, reason }
        : { outcome, decisionId, rule, reason, limits };
    return { requestId, first: outcome, decision };
  };

  return {
    request,
    response(requestId, input) {
      const audited = state.open.get(requestId);
      if (state.closed || audited === undefined) return;
      state.open.delete(requestId);
      state.totals.rows += input.rows;
      state.totals.bytes += input.bytes;
      // Its request has no event, so it was counted there.
      if (!audited) return;
      const digest = input.bodyDigest ?? null;
      deferred.write(
        state.draft(
          {
            kind: 'response',
            status: input.status,
            rows: input.rows,
            bytes: input.bytes,
            durationUs: Math.round(input.durationUs),
            tag: input.tag ?? null,
            errorCode: input.errorCode ?? null,
            errorMessage: input.errorMessage ?? null,
            maskedFields: [],
            bodyDigest:
              digest === null ? null : Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength),
          },
          requestId,
        ),
        LAZY,
      );
    },
  };
}
