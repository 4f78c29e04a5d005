/**
 * Writes the control state: lockouts, releases, revocations, closed incidents. Each call is one transaction of the control
 * store that also counts budgets, keeps the answer of its idempotency key and publishes to countersign.control.
 */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { ControlStore, ControlTransaction } from '../../platform/control-store/control-store.ts';
import type { CountersignError } from '../../platform/errors/errors.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { Codec } from '../../schemas/codec.ts';
import type {
  ClosureKind,
  ControlRecord,
  IncidentClosure,
  Lockout,
  SubjectKind,
  TokenRevocation,
} from '../../schemas/types.ts';
import { TOKENS_PER_TRANSACTION, tokensOf } from './affected.ts';
import { lastRevision, nextRevision } from './control-head.ts';
import { controlError } from './errors.ts';
import { publishNumbered } from './publish.ts';
import { callDigest, earlierAnswer, keepAnswer } from './idempotency.ts';
import { lookAhead, permit, type Automation } from './permit.ts';
import { TOKENS, type StoredToken } from './token-index.ts';

export const LOCKOUTS = 'lockouts';

export type ControlResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: CountersignError };

/** Who calls, why, and under which key the call takes effect once. */
export interface ControlCall {
  readonly by: string;
  readonly reason: string;
  readonly incidentId: string | null;
  readonly idempotencyKey: string | null;
}

export interface LockoutCall extends ControlCall {
  readonly subjectKind: SubjectKind;
  readonly subject: string;
  /** null: until released. */
  readonly ttlMs: number | null;
  readonly exerciseId: string | null;
  readonly automation: Automation | null;
  /** Identities that the caller knows to be hit (of live sessions); tokens tell the others. */
  readonly identityIds?: readonly string[] | undefined;
}

export interface ControlWriter {
  lockout(
    call: LockoutCall,
  ): Promise<ControlResult<{ lockout: Lockout; revision: number; tokensRevoked: number }>>;
  release(
    lockoutId: string,
    call: ControlCall,
  ): Promise<ControlResult<{ lockout: Lockout; revision: number }>>;
  /** `ok: false` with TOKEN_REVOKED is never the answer: revoking again is harmless. Undefined: no such token. */
  revokeToken(
    tokenId: string,
    call: ControlCall & { readonly automation: Automation | null },
  ): Promise<ControlResult<{ tokenId: string; revokedAt: number; revision: number }> | undefined>;
  closeIncident(
    incidentId: string,
    call: ControlCall & { readonly closedAs: ClosureKind },
  ): Promise<ControlResult<{ closure: IncidentClosure; revision: number }>>;
  getLockout(lockoutId: string): Promise<Lockout | undefined>;
  /** Lockouts in the order of their ids, which is the order they were made. */
  listLockouts(options: { readonly limit: number; readonly after?: string }): Promise<Lockout[]>;
}

export interface ControlWriterDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly codec: Codec<ControlRecord>;
  /**
   * Called when a lockout is decided, while it is being written: this gateway may end sessions meanwhile, since an attacker's
   * statement does not wait for a disk. Where the write fails the caller hears so, and nothing is refused that comes later.
   */
  readonly onDecided?: (lockout: Lockout) => void;
}
export type ControlWriterConfig = Pick<GatewayConfig, 'lockoutBudget' | 'breakGlassIdentities'>;

type Stored<T> = T & { readonly [key: string]: never };
/** Control records are plain JSON already. */
const json = <T extends object>(value: T): Stored<T> => value as Stored<T>;

export function createControlWriter(
  { store, clock, random, codec, onDecided }: ControlWriterDeps,
  config: ControlWriterConfig,
): ControlWriter {
  const publish = (
    transaction: ControlTransaction,
    revision: number,
    body: ControlRecord['body'],
  ): Promise<void> => publishNumbered({ clock, codec }, transaction, revision, body);
  const revoke = async (
    transaction: ControlTransaction,
    revision: number,
    token: StoredToken,
    { by, reason, incidentId }: ControlCall,
  ): Promise<void> => {
    const revokedAt = clock.now();
    await transaction.put(TOKENS, token.tokenId, { ...token, revokedAt, revokedReason: reason });
    const { tokenId, identityId, expiresAt } = token;
    const body: TokenRevocation = {
      kind: 'token_revocation',
      tokenId,
      identityId,
      expiresAt,
      reason,
      incidentId,
      revokedBy: by,
      revokedAt,
    };
    await publish(transaction, revision, body);
  };
  /** Revokes a page of the live tokens of a subject; returns how many. */
  const revokePage = async (
    transaction: ControlTransaction,
    revision: number,
    { subjectKind, subject, ...call }: LockoutCall,
  ): Promise<number> => {
    const live = (await tokensOf(transaction, subjectKind, subject)).filter(
      ({ revokedAt }) => revokedAt === null,
    );
    const page = live.slice(0, TOKENS_PER_TRANSACTION);
    for (const token of page) await revoke(transaction, revision, token, call);
    return page.length;
  };
  /** A refusal must roll back what was counted before it. */
  class Refused extends Error {
    readonly answer: CountersignError;
    constructor(answer: CountersignError) {
      super(answer.message);
      this.answer = answer;
    }
  }
  const transact = async <T>(
    work: (transaction: ControlTransaction) => Promise<T>,
  ): Promise<ControlResult<T>> => {
    try {
      return { ok: true, value: await store.transact(work) };
    } catch (error) {
      if (error instanceof Refused) return { ok: false, error: error.answer };
      throw error;
    }
  };
  const once = async <T extends object>(
    transaction: ControlTransaction,
    call: ControlCall,
    parts: readonly (string | null)[],
    work: (revision: number) => Promise<T>,
  ): Promise<T> => {
    const digest = callDigest(parts);
    // Together: past one machine each question that waits for another costs a round trip.
    const [earlier, revision] = await Promise.all([
      earlierAnswer(transaction, call, digest),
      nextRevision(transaction),
    ]);
    if (earlier.kind === 'same') return earlier.answer as unknown as T;
    if (earlier.kind === 'other') throw new Refused(controlError('CONTROL_KEY_REUSED'));
    const answer = await work(revision);
    await keepAnswer(transaction, call, digest, json(answer), clock.now());
    return answer;
  };

  return {
    async lockout(call) {
      const { subjectKind, subject } = call;
      const lockoutId = random.uuidv7(clock.now());
      const result = await transact((transaction) => {
        // An exercise is bounded by itself: it touches nothing else.
        const isReal = call.exerciseId === null;
        const asked = isReal ? lookAhead(config, transaction, call) : Promise.resolve([]);
        asked.catch(() => undefined);
        return once(
          transaction,
          call,
          ['lockout', subjectKind, subject, call.exerciseId],
          async (revision) => {
            const hit = await asked;
            const refused = isReal
              ? await permit({ clock, config }, transaction, call.automation, hit)
              : undefined;
            if (refused !== undefined) throw new Refused(refused);
            const now = clock.now();
            const lockout: Lockout = {
              kind: 'lockout',
              lockoutId,
              subjectKind,
              subject,
              reason: call.reason,
              incidentId: call.incidentId,
              exerciseId: call.exerciseId,
              createdBy: call.by,
              createdAt: now,
              expiresAt: call.ttlMs === null ? null : now + call.ttlMs,
              releasedAt: null,
              releasedBy: null,
            };
            await transaction.put(LOCKOUTS, lockoutId, json(lockout));
            await publish(transaction, revision, lockout);
            onDecided?.(lockout);
            // Exercises use tokens of their own; those may die, others' may not.
            const tokensRevoked = isReal ? await revokePage(transaction, revision, call) : 0;
            return { lockout, revision, tokensRevoked };
          },
        );
      });
      if (!result.ok) return result;
      let { tokensRevoked } = result.value;
      for (let page = tokensRevoked; page === TOKENS_PER_TRANSACTION; tokensRevoked += page)
        page = await store.transact(async (transaction) =>
          revokePage(transaction, await nextRevision(transaction), call),
        );
      return { ok: true, value: { ...result.value, tokensRevoked } };
    },
    release(lockoutId, call) {
      return transact((transaction) =>
        once(transaction, call, ['release', lockoutId], async (revision) => {
          const entry = await transaction.get(LOCKOUTS, lockoutId);
          if (entry === undefined) throw new Refused(controlError('LOCKOUT_ABSENT', { lockoutId }));
          const before = entry.value as unknown as Lockout;
          if (before.releasedAt !== null)
            return { lockout: before, revision: await lastRevision(transaction) };
          const lockout: Lockout = { ...before, releasedAt: clock.now(), releasedBy: call.by };
          await transaction.put(LOCKOUTS, lockoutId, json(lockout));
          await publish(transaction, revision, lockout);
          return { lockout, revision };
        }),
      );
    },
    async revokeToken(tokenId, call) {
      if ((await store.get(TOKENS, tokenId)) === undefined) return undefined;
      return transact((transaction) =>
        once(transaction, call, ['revoke', tokenId], async (revision) => {
          const entry = await transaction.get<StoredToken>(TOKENS, tokenId);
          const token = entry!.value;
          if (token.revokedAt !== null)
            return { tokenId, revokedAt: token.revokedAt, revision: await lastRevision(transaction) };
          const refused = await permit({ clock, config }, transaction, call.automation, [token.identityId]);
          if (refused !== undefined) throw new Refused(refused);
          await revoke(transaction, revision, token, call);
          return { tokenId, revokedAt: clock.now(), revision };
        }),
      );
    },
    closeIncident(incidentId, call) {
      return transact((transaction) =>
        once(transaction, call, ['close', incidentId, call.closedAs], async (revision) => {
          const closure: IncidentClosure = {
            kind: 'incident_closure',
            incidentId,
            closedAs: call.closedAs,
            closedBy: call.by,
            closedAt: clock.now(),
            note: call.reason,
          };
          await transaction.put('incident-closures', incidentId, json(closure));
          await publish(transaction, revision, closure);
          return { closure, revision };
        }),
      );
    },
    async getLockout(lockoutId) {
      const entry = await store.get(LOCKOUTS, lockoutId);
      return entry?.value as Lockout | undefined;
    },
    async listLockouts(options) {
      const entries = await store.list(LOCKOUTS, options);
      return entries.map(({ value }) => value as unknown as Lockout);
    },
  };
}
