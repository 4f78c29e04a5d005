/**
 * What this gateway knows of the control state: lockouts and revocations, from countersign.control. Questions are answered
 * synchronously, and whoever listens hears of a record in the tick that applies it.
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { EventLog, LogRecord, Reader } from '../../platform/event-log/event-log.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { Codec } from '../../schemas/codec.ts';
import { controlKey } from '../../schemas/control-key.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { ControlRecord, Lockout, SubjectKind, TokenRevocation } from '../../schemas/types.ts';
import { controlError } from './errors.ts';

/** What access is asked for, or a session that has it. */
export interface ControlSubject {
  readonly sessionId: string | null;
  readonly tokenId: string | null;
  readonly identityId: string;
  readonly credentialSource: string | null;
  readonly connection: string | null;
  readonly exerciseId: string | null;
  /** Identities that it acts for: what hits one of them hits it. */
  readonly principals?: readonly string[];
  /** Tokens that its own was made from, likewise. */
  readonly parentTokens?: readonly string[];
}

/** Why access is refused. */
export interface Refusal {
  /** For the client: without the reason. */
  readonly error: CountersignError;
  /** Why, for the trail. */
  readonly detail: string;
  readonly lockoutId: string | null;
  readonly incidentId: string | null;
}

export interface ControlView {
  check(subject: ControlSubject): Refusal | undefined;
  /** What `check` will say because of this lockout once it is applied. */
  checkBy(lockout: Lockout, subject: ControlSubject): Refusal | undefined;
  /** Takes one record; ignored where a newer one of its key is known. */
  apply(key: string, record: ControlRecord | null): void;
  /** Called in the tick that applies a record, after `check` knows it. */
  onApplied(callback: (record: ControlRecord) => void): void;
  /** Highest revision applied. */
  appliedRevision(): number;
  /** Why `check` refuses because of this lockout now; undefined where it has ended. */
  stateOf(lockout: Lockout): LockoutState;
}

export type LockoutState = 'in_force' | 'awaiting_release' | 'expired' | 'released';

/** These outlive their time until a person releases them (until approvals exist). */
const NEEDS_RELEASE: ReadonlySet<SubjectKind> = new Set(['identity', 'credential_source']);
const FORGET_AFTER_MS = 24 * 3_600_000;
const SWEEP_MS = 60_000;

export function lockoutState(lockout: Lockout, now: number): LockoutState {
  if (lockout.releasedAt !== null) return 'released';
  if (lockout.expiresAt === null || lockout.expiresAt > now) return 'in_force';
  return NEEDS_RELEASE.has(lockout.subjectKind) ? 'awaiting_release' : 'expired';
}

/** From when on a record can refuse or allow nobody any more; null: that is not known. */
function endOf(body: ControlRecord['body']): number | null {
  switch (body.kind) {
    case 'lockout':
      return body.releasedAt ?? (NEEDS_RELEASE.has(body.subjectKind) ? null : body.expiresAt);
    case 'token_revocation':
      return body.expiresAt;
    case 'incident_closure':
      return body.closedAt;
    case 'approval':
      return body.validUntil ?? body.expiresAt;
    case 'grant':
      return body.endedAt ?? body.endsAt;
  }
}

const place = (kind: SubjectKind, id: string): string => `${kind} ${id}`;

function places(subject: ControlSubject): string[] {
  const found = [place('identity', subject.identityId)];
  if (subject.sessionId !== null) found.push(place('session', subject.sessionId));
  if (subject.tokenId !== null) found.push(place('token', subject.tokenId));
  if (subject.credentialSource !== null) found.push(place('credential_source', subject.credentialSource));
  if (subject.connection !== null) found.push(place('connection', subject.connection));
  for (const id of subject.principals ?? []) found.push(place('identity', id));
  for (const id of subject.parentTokens ?? []) found.push(place('token', id));
  return found;
}

export function createControlView({ clock }: { clock: Clock }): ControlView {
  const byKey = new Map<string, ControlRecord>();
  const lockouts = new Map<string, Map<string, Lockout>>();
  const callbacks: ((record: ControlRecord) => void)[] = [];
  let applied = 0;

  const forget = (key: string): void => {
    const body = byKey.get(key)?.body;
    byKey.delete(key);
    if (body?.kind !== 'lockout') return;
    const at = place(body.subjectKind, body.subject);
    lockouts.get(at)?.delete(body.lockoutId);
    if (lockouts.get(at)?.size === 0) lockouts.delete(at);
  };
  // Keeps the view bounded by what can still matter.
  clock.every(SWEEP_MS, () => {
    const before = clock.now() - FORGET_AFTER_MS;
    for (const [key, { body }] of byKey) {
      const over = endOf(body);
      if (over !== null && over < before) forget(key);
    }
  });
  const refusalOf = (lockout: Lockout, subject: ControlSubject, now: number): Refusal | undefined => {
    // An exercise touches nothing but itself.
    if (lockout.exerciseId !== null && lockout.exerciseId !== subject.exerciseId) return undefined;
    const state = lockoutState(lockout, now);
    if (state === 'expired' || state === 'released') return undefined;
    const { subjectKind, reason, lockoutId, incidentId } = lockout;
    const code = state === 'in_force' ? 'LOCKED_OUT' : 'LOCKOUT_AWAITS_RELEASE';
    return {
      error: controlError(code, { subjectKind, lockoutId }),
      detail: `lockout of ${subjectKind}: ${reason}`,
      lockoutId,
      incidentId,
    };
  };
  const revocationOf = ({ tokenId, parentTokens = [] }: ControlSubject): Refusal | undefined => {
    for (const id of tokenId === null ? parentTokens : [tokenId, ...parentTokens]) {
      const revocation = byKey.get(`token_revocation/${id}`)?.body as TokenRevocation | undefined;
      if (revocation === undefined) continue;
      const detail = `token revoked: ${revocation.reason}`;
      const error = controlError('TOKEN_REVOKED');
      return { error, detail, lockoutId: null, incidentId: revocation.incidentId };
    }
    return undefined;
  };
  return {
    check(subject) {
      const revoked = revocationOf(subject);
      if (revoked !== undefined) return revoked;
      if (lockouts.size === 0) return undefined;
      const now = clock.now();
      for (const at of places(subject)) {
        for (const lockout of lockouts.get(at)?.values() ?? []) {
          const refusal = refusalOf(lockout, subject, now);
          if (refusal !== undefined) return refusal;
        }
      }
      return undefined;
    },
    checkBy: (lockout, subject) =>
      places(subject).includes(place(lockout.subjectKind, lockout.subject))
        ? refusalOf(lockout, subject, clock.now())
        : undefined,
    apply(key, record) {
      if (record === null) {
        forget(key);
        return;
      }
      // The outbox may deliver a run twice: an older record after a newer one must not win.
      if (record.revision < (byKey.get(key)?.revision ?? 0)) return;
      forget(key);
      byKey.set(key, record);
      applied = Math.max(applied, record.revision);
      const { body } = record;
      if (body.kind === 'lockout') {
        const at = place(body.subjectKind, body.subject);
        const there = lockouts.get(at) ?? new Map<string, Lockout>();
        there.set(body.lockoutId, body);
        lockouts.set(at, there);
      }
      for (const callback of callbacks) callback(record);
    },
    onApplied: (callback) => void callbacks.push(callback),
    appliedRevision: () => applied,
    stateOf: (lockout) => lockoutState(lockout, clock.now()),
  };
}

export interface FollowDeps {
  readonly eventLog: EventLog;
  readonly codec: Codec<ControlRecord>;
  readonly log: Logger;
  /** Takes what cannot be read; absent: that is only logged. */
  readonly giveUp?: (record: LogRecord, reason: string) => Promise<void>;
}

/** Feeds the view from the topic's start; resolves once it knows all that was there. `onFailure` means that the view goes stale. */
export async function followControl(
  view: ControlView,
  { eventLog, codec, log, giveUp }: FollowDeps,
  onFailure: (error: unknown) => void,
): Promise<Reader> {
  /** Why it cannot be read, or undefined. */
  const take = ({ key, value, offset }: LogRecord): string | undefined => {
    if (value === null) {
      view.apply(key ?? '', null);
      return undefined;
    }
    const read = codec.decode(value);
    if (read.ok) {
      view.apply(key ?? controlKey(read.value.body), read.value);
      return undefined;
    }
    log.error({ offset, reason: read.reason }, 'a control record cannot be read');
    return read.reason;
  };
  const reader = await eventLog.read({
    topic: TOPICS.control.name,
    async onRecords(records) {
      // What can be read is in force before anything else.
      const reasons = records.map(take);
      for (const [at, reason] of reasons.entries())
        if (reason !== undefined) await giveUp?.(records[at]!, reason);
    },
    onFailure,
  });
  await reader.caughtUp();
  return reader;
}
