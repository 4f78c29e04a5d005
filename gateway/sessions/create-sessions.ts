/** The sessions of one gateway: opens, lists and ends them, closes what a crash left, signs checkpoints. */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import { isCountersignError, type CountersignError } from '../../platform/errors/errors.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { Codec } from '../../schemas/codec.ts';
import type {
  Client,
  CloseReason,
  Identity,
  Lockout,
  SessionEvent,
  SessionRefused,
} from '../../schemas/types.ts';
import type { SessionApprovals } from '../approvals/session-approvals.ts';
import { accessError } from '../access/errors.ts';
import { parentsOf } from '../access/parent-tokens.ts';
import { redactTokens } from '../access/redact-tokens.ts';
import type { ControlSubject, ControlView } from '../control/control-view.ts';
import { controlError } from '../control/errors.ts';
import type { Lease } from '../control/lease.ts';
import type { Policy } from '../policy/decision.ts';
import { recordingError } from '../recording/errors.ts';
import type { Recorder } from '../recording/recorder.ts';
import type { Spool } from '../recording/spool.ts';
import { createDeferredWrites } from './deferred-writes.ts';
import { sessionError } from './errors.ts';
import { createEventWriter, type Chain, type EventDraft, type Written } from './event-writer.ts';
import type { Holds } from './holds.ts';
import { createLiveSession, type LiveSession } from './live-session.ts';
import { createRequestRates, type RequestRates } from './request-rates.ts';
import type { OpenJournal, OpenRecord } from './open-journal.ts';
import { journalState, recover, type Leftover } from './recovery.ts';
import type { EndOrder, SessionOpening, Sessions } from './session.ts';
import type { SessionServices } from './session-services.ts';
import type { Signer } from './signing-key.ts';

export interface LeftoverInTarget {
  readonly connection: string;
  readonly targetSession: string;
}

export interface GatewaySessions extends Sessions {
  readonly epoch: number;
  /** Closes what earlier processes left, ends it in the targets, and begins heartbeats and checkpoints. */
  start(): Promise<void>;
  /** Live sessions, oldest first. */
  list(): readonly LiveSession[];
  get(sessionId: string): LiveSession | undefined;
  /** Ends a live session in this tick; false where it is over. */
  endSession(sessionId: string, order: EndOrder): boolean;
  /** Ends the live sessions that a lockout hits, before it is applied. */
  endBy(lockout: Lockout): void;
  /** Ends a session for an operator. */
  kill(sessionId: string, reason: string, incidentId: string | null): boolean;
  /** Writes an event of the gateway itself: control_action, credential_issued, approval_decided. It comes even if the spool is full now. */
  record(
    body: Extract<
      SessionEvent['body'],
      { kind: 'control_action' | 'credential_issued' | 'approval_decided' }
    >,
  ): void;
  /** Ends all sessions and writes the last checkpoint. */
  stop(): void;
}

export interface SessionsDeps {
  readonly spool: Spool;
  readonly journal: OpenJournal;
  readonly codec: Codec<SessionEvent>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly policy: Policy;
  readonly view: ControlView;
  readonly lease: Pick<Lease, 'held' | 'onChange'>;
  readonly holds: Holds;
  readonly approvals: SessionApprovals;
  readonly recorder: Recorder;
  /** Absent: requests at this gateway alone count. */
  readonly rates?: RequestRates;
  readonly signer: Signer;
  /** Ends in the target what a crash left running there. */
  readonly endLeftover: (leftover: LeftoverInTarget) => Promise<void>;
}

const HEADS_MAX = 1000;
/** A session outlives its token by at most this, milliseconds; its requests not at all (request-gate.ts). */
const EXPIRY_SWEEP_MS = 1000;
/** Attribute of an identity that marks what an exercise does. */
const EXERCISE_ATTRIBUTE = 'exercise_id';

export const exerciseOf = (identity: Identity): string | null =>
  identity.attributes[EXERCISE_ATTRIBUTE] ?? null;

const withoutTokens = (client: Client): Client => ({
  ...client,
  tool: client.tool === null ? null : redactTokens(client.tool),
});

/** Recovers from the spool in this call; serves after `start`. */
export function createSessions(deps: SessionsDeps, config: GatewayConfig): GatewaySessions {
  const { spool, journal, codec, clock, random, log, metrics, view, lease, holds, signer } = deps;
  const recovered = recover(deps, config.id);
  const { epoch, gatewayChain } = recovered;
  const writer = createEventWriter({ spool, codec, clock, random }, { id: config.id, epoch, gatewayChain });
  const live = new Map<string, LiveSession>();
  const byIdentity = new Map<string, number>();
  const records = new Map<string, Leftover>(recovered.leftovers.map((left) => [left.record.sessionId, left]));
  const advanced = new Map<string, Chain>();
  const timers: { cancel(): void }[] = [];
  let unaudited = 0;
  let stopped = false;
  const openGauge = metrics.gauge('countersign_sessions_open', 'Sessions open now.');
  const unauditedCounter = metrics.counter(
    'countersign_requests_unaudited_total',
    'Requests let through without event.',
  );
  const requestsRefused = metrics.counter(
    'countersign_sessions_refused_total',
    'Logins that did not become a session.',
  );

  const written = (draft: EventDraft): void => {
    if (draft.session !== null) advanced.set(draft.session.id, draft.session.chain);
    if (draft.body.kind !== 'session_closed' || draft.session === null) return;
    const { id } = draft.session;
    records.delete(id);
    const close = (): void => {
      try {
        journal.closed(id);
      } catch (error) {
        // The spool has its end; the next start sees it there.
        log.warn({ error }, 'the journal of open sessions could not be written');
      }
    };
    // A power cut must not leave the journal's line and take the session's end: nobody would write it again.
    if (config.durability === 'power') spool.sync().then(close, () => undefined);
    else close();
  };
  const deferred = createDeferredWrites({ writer, clock, onWritten: written });
  const services: SessionServices = {
    writer,
    deferred,
    policy: deps.policy,
    view,
    lease,
    holds,
    approvals: deps.approvals,
    rates: deps.rates ?? createRequestRates({ clock }),
    clock,
    config,
    write(draft, options) {
      if (!deferred.flushed()) return { ok: false, error: recordingError('SPOOL_FULL') };
      const result: Written = writer.write(draft, options);
      if (result.ok) written(draft);
      return result;
    },
    countUnaudited(error) {
      unaudited += 1;
      unauditedCounter.add();
      if (unaudited === 1) log.error({ error }, 'requests go on without events, as configured');
    },
  };
  spool.onRotate(() => journal.rewrite(journalState(epoch, writer.gatewayChain, [...records.values()])));

  const gatewayDraft = (body: EventDraft['body']): EventDraft => ({
    body,
    session: null,
    controlRevision: view.appliedRevision(),
    identity: null,
    client: null,
    target: null,
  });
  const checkpoint = (): void => {
    do {
      const page = [...advanced].slice(0, HEADS_MAX);
      const heads = page.map(([sessionId, chain]) => ({
        sessionId,
        sequence: chain.sequence,
        hash: chain.hash,
      }));
      if (!writer.checkpoint(heads, signer).ok) return;
      for (const [sessionId] of page) advanced.delete(sessionId);
    } while (advanced.size > 0);
  };
  const heartbeat = (): void => {
    const count = unaudited + deferred.takeLost();
    const body = {
      kind: 'heartbeat' as const,
      openSessions: live.size,
      spoolBytes: spool.pendingBytes(),
      unaudited: count,
    };
    unaudited = writer.write(gatewayDraft(body), { essential: true }).ok ? 0 : count;
  };
  const endMatching = (orderOf: (session: LiveSession) => EndOrder | undefined): void => {
    for (const session of live.values()) {
      const order = orderOf(session);
      if (order === undefined) continue;
      try {
        session.end(order);
      } catch (error) {
        // One protocol's bug must not save the other sessions.
        log.error({ error, sessionId: session.id }, 'a session could not be ended cleanly');
      }
    }
  };
  view.onApplied((record) => {
    if (record.body.kind !== 'lockout' && record.body.kind !== 'token_revocation') return;
    endMatching((session) => {
      const refusal = view.check(session.subject);
      return refusal === undefined ? undefined : { reason: 'lockout', ...refusal };
    });
  });
  /** What was opened by an approval or a grant ends with it. */
  const endUnfounded = (): void =>
    endMatching(({ relies }) => {
      for (const id of relies) {
        const error = deps.approvals.ended(id);
        if (error !== undefined) return { reason: 'killed', error, lockoutId: null, incidentId: null };
      }
      return undefined;
    });
  deps.approvals.onEnded(endUnfounded);
  const endExpired = (): void => {
    endUnfounded();
    const now = clock.now();
    const order: EndOrder = {
      reason: 'killed',
      error: accessError('TOKEN_EXPIRED'),
      lockoutId: null,
      incidentId: null,
    };
    endMatching(({ opening }) => {
      const { expiresAt } = opening.identity;
      return expiresAt !== null && expiresAt <= now ? order : undefined;
    });
  };
  lease.onChange((held) => {
    if (held) return;
    const order: EndOrder = {
      reason: 'lease_lost',
      error: controlError('LEASE_LOST'),
      lockoutId: null,
      incidentId: null,
    };
    endMatching(({ opening }) => (opening.identity.kind === 'human' ? undefined : order));
  });

  const whyNot = (opening: SessionOpening, subject: ControlSubject): CountersignError | undefined => {
    if (stopped) return sessionError('SESSION_GATEWAY_STOPS');
    const refusal = view.check(subject);
    if (refusal !== undefined) return refusal.error;
    if (!lease.held()) return controlError('LEASE_LOST');
    if (live.size >= config.sessionsMax)
      return sessionError('SESSION_LIMIT', { sessionsMax: config.sessionsMax });
    const sessionsMax = config.sessionsPerIdentityMax;
    if ((byIdentity.get(opening.identity.id) ?? 0) >= sessionsMax)
      return sessionError('SESSION_IDENTITY_LIMIT', { sessionsMax });
    return undefined;
  };
  const refused = (refusal: Parameters<Sessions['refused']>[0]): void => {
    requestsRefused.add();
    const { identity, target, claimedName, error } = refusal;
    const client = withoutTokens(refusal.client);
    const body: SessionRefused = {
      kind: 'session_refused',
      code: error.code,
      reason: redactTokens(error.message.slice(0, 2000)),
      // People paste their token where the name belongs.
      claimedName: claimedName === null ? null : redactTokens(claimedName.slice(0, 256)),
    };
    const exerciseId = identity === null ? null : exerciseOf(identity);
    deferred.write({ ...gatewayDraft(body), identity, client, target, exerciseId });
  };
  const count = (identityId: string, change: number): void => {
    const now = (byIdentity.get(identityId) ?? 0) + change;
    if (now > 0) byIdentity.set(identityId, now);
    else byIdentity.delete(identityId);
    openGauge.set(live.size);
  };
  const begin = (
    opening: SessionOpening,
    subject: ControlSubject,
    id: string,
  ): LiveSession | CountersignError => {
    const { identity, client, target, targetSession } = opening;
    const recordingId = id;
    const record: OpenRecord = {
      sessionId: id,
      identity,
      client,
      target,
      targetSession,
      exerciseId: subject.exerciseId,
      openedAt: clock.now(),
    };
    try {
      // First: a session whose end nobody would write must not exist.
      journal.opened(record);
    } catch (cause) {
      return recordingError('SPOOL_FULL', {}, cause);
    }
    const recording = deps.recorder.begin(recordingId);
    const session = createLiveSession(services, {
      id,
      recordingId,
      opening,
      subject,
      recording,
      onClosed: () => {
        live.delete(id);
        count(identity.id, -1);
      },
    });
    records.set(id, { record, chain: session.chain, totals: session.totals });
    const { authentication, tls } = opening;
    const result = services.write({
      ...gatewayDraft({ kind: 'session_opened', authentication, tls, targetSession, recordingId }),
      session: { id, chain: session.chain },
      exerciseId: subject.exerciseId,
      identity,
      client,
      target,
    });
    if (result.ok) return session;
    recording.close();
    records.delete(id);
    try {
      journal.closed(id);
    } catch (error) {
      log.warn({ error }, 'the journal of open sessions could not be written');
    }
    return result.error;
  };

  const closeLeftovers = (): void => {
    for (const { record, chain, totals } of recovered.leftovers) {
      // Its open never reached the spool: for the log it never was.
      if (chain.sequence === 0) {
        records.delete(record.sessionId);
        journal.closed(record.sessionId);
        continue;
      }
      const { identity, client, target, exerciseId } = record;
      const body = {
        kind: 'session_closed' as const,
        reason: 'gateway_lost' as CloseReason,
        detail: 'the gateway process ended without closing it',
        lockoutId: null,
        incidentId: null,
        durationMs: Math.max(0, clock.now() - record.openedAt),
        ...totals,
      };
      const session = { id: record.sessionId, chain };
      deferred.write(
        { ...gatewayDraft(body), session, identity, client, target, exerciseId },
        { essential: true },
      );
    }
  };
  const endInTargets = async (): Promise<void> => {
    for (const { record } of recovered.leftovers) {
      if (record.targetSession === null) continue;
      const leftover = { connection: record.target.connection, targetSession: record.targetSession };
      await deps
        .endLeftover(leftover)
        .catch((error: unknown) =>
          log.error(
            { error, connection: leftover.connection },
            'what a crash left in a target could not be ended',
          ),
        );
    }
  };

  return {
    epoch,
    async start() {
      closeLeftovers();
      heartbeat();
      timers.push(
        clock.every(config.checkpointMs, checkpoint),
        clock.every(config.heartbeatMs, heartbeat),
        clock.every(EXPIRY_SWEEP_MS, endExpired),
      );
      await endInTargets();
    },
    open(given) {
      const id = writer.newId();
      const opening = { ...given, client: withoutTokens(given.client) };
      const { identity, target } = opening;
      const subject: ControlSubject = {
        sessionId: id,
        tokenId: identity.tokenId,
        identityId: identity.id,
        credentialSource: identity.credentialSource,
        connection: target.connection,
        exerciseId: exerciseOf(identity),
        principals: identity.onBehalfOf,
        parentTokens: parentsOf(identity.attributes),
      };
      const outcome = whyNot(opening, subject) ?? begin(opening, subject, id);
      if (isCountersignError(outcome)) {
        refused({ identity, client: opening.client, target, claimedName: null, error: outcome });
        return { ok: false, error: outcome };
      }
      live.set(id, outcome);
      count(identity.id, 1);
      return { ok: true, session: outcome };
    },
    refused,
    list: () => [...live.values()],
    get: (sessionId) => live.get(sessionId),
    endBy: (lockout) =>
      endMatching((session) => {
        const refusal = view.checkBy(lockout, session.subject);
        return refusal === undefined ? undefined : { reason: 'lockout', ...refusal };
      }),
    endSession: (sessionId, order) => live.get(sessionId)?.end(order) ?? false,
    kill(sessionId, reason, incidentId) {
      const error = sessionError('SESSION_KILLED', { reason });
      return live.get(sessionId)?.end({ reason: 'killed', error, lockoutId: null, incidentId }) ?? false;
    },
    record: (body) => deferred.write(gatewayDraft(body), { essential: true }),
    stop() {
      stopped = true;
      for (const timer of timers) timer.cancel();
      const order: EndOrder = {
        reason: 'gateway_shutdown',
        error: sessionError('SESSION_GATEWAY_STOPS'),
        lockoutId: null,
        incidentId: null,
      };
      endMatching(() => order);
      // A protocol that has not closed by now has no more to say.
      for (const session of live.values()) session.close('gateway_shutdown');
      heartbeat();
      checkpoint();
      deferred.close();
    },
  };
}
