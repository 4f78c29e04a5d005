/**
 * Forgets what has no use any more: answers of old idempotency keys, lockouts that ended long ago, tokens that expired long ago, leases
 * and sessions of gateways that are gone. One gateway at a time, in small transactions, so that a lockout waits for none of them.
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type {
  ControlEntry,
  ControlStore,
  ControlTransaction,
  JsonObject,
} from '../../platform/control-store/control-store.ts';
import { createTurn } from '../../platform/control-store/turn.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { Lockout } from '../../schemas/types.ts';
import { controlKey } from '../../schemas/control-key.ts';
import { lockoutState } from './control-view.ts';
import { LOCKOUTS } from './control-writer.ts';
import { IDEMPOTENCY, type KeptAnswer } from './idempotency.ts';
import { LEASES, LEASES_MAX } from './lease.ts';
import type { LeaseEntry, LeaseWatch } from './lease-watch.ts';
import { LIVE_SESSIONS, type LiveEntry } from './live-entries.ts';
import { EXCHANGES, removeToken, TOKENS, type StoredExchange, type StoredToken } from './token-index.ts';

export interface HousekeepingDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leases: LeaseWatch;
}

export type HousekeepingConfig = Pick<GatewayConfig, 'controlRetentionMs'> & {
  /** Of this process. */
  readonly holder: string;
};

/** A client that repeats a call does so within hours. */
export const KEYS_KEPT_MS = 24 * 3_600_000;
/** Clocks of gateways differ, and a gateway that is away may come back; neither matters after so long. */
const LEASES_KEPT_MS = 60_000;
const PAGE = 200;
/** Between two pages, and between two rounds. */
const PAUSE_MS = 200;
const ROUND_MS = 600_000;
const TURN_MS = 30_000;

/** A collection that is looked through, and what of it is forgotten. */
export interface ForgettingTask {
  readonly collection: string;
  isOver(entry: ControlEntry, now: number): boolean;
  forget(transaction: ControlTransaction, entry: ControlEntry): Promise<void>;
}

const forgetPlain =
  (collection: string): ForgettingTask['forget'] =>
  (transaction, { id }) =>
    transaction.delete(collection, id);

/** When a lockout ended; undefined while it still refuses somebody. */
function endOf(lockout: Lockout, now: number): number | undefined {
  const state = lockoutState(lockout, now);
  if (state === 'released') return lockout.releasedAt!;
  return state === 'expired' ? lockout.expiresAt! : undefined;
}

function tasksOf(
  { controlRetentionMs }: HousekeepingConfig,
  liveGateways: ReadonlySet<string>,
): ForgettingTask[] {
  return [
    {
      collection: IDEMPOTENCY,
      isOver: ({ value }, now) => (value as KeptAnswer).at < now - KEYS_KEPT_MS,
      forget: forgetPlain(IDEMPOTENCY),
    },
    {
      collection: LOCKOUTS,
      isOver({ value }, now) {
        const ended = endOf(value as unknown as Lockout, now);
        return ended !== undefined && ended < now - controlRetentionMs;
      },
      async forget(transaction, { id, value }) {
        await transaction.delete(LOCKOUTS, id);
        await transaction.publish(TOPICS.control.name, controlKey(value as unknown as Lockout), null);
      },
    },
    {
      collection: TOKENS,
      isOver: ({ value }, now) => (value as StoredToken).expiresAt < now - controlRetentionMs,
      async forget(transaction, { id, value }) {
        const token = value as StoredToken;
        await removeToken(transaction, token);
        if (token.revokedAt !== null)
          await transaction.publish(TOPICS.control.name, `token_revocation/${id}`, null);
      },
    },
    {
      collection: EXCHANGES,
      // Clocks of gateways differ; what has ended cannot be shown again.
      isOver: ({ value }, now) => (value as StoredExchange).until < now - KEYS_KEPT_MS,
      forget: forgetPlain(EXCHANGES),
    },
    {
      collection: LIVE_SESSIONS,
      isOver: ({ value }) => !liveGateways.has((value as LiveEntry).gateway),
      forget: forgetPlain(LIVE_SESSIONS),
    },
  ];
}

export interface Housekeeping {
  start(): void;
  stop(): Promise<void>;
}

export function createHousekeeping(
  { store, clock, log, leases }: HousekeepingDeps,
  config: HousekeepingConfig,
  /** Of other rooms. */
  more: readonly ForgettingTask[] = [],
): Housekeeping {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const pause = (ms: number): Promise<void> => clock.sleep(ms, stopping.signal).catch(() => undefined);

  /** Looks again in the transaction: it may have changed since. */
  const forgetPage = (task: ForgettingTask, page: readonly ControlEntry[]): Promise<number> =>
    store.transact(async (transaction) => {
      const entries = await Promise.all(
        page.map(({ id }) => transaction.get<JsonObject>(task.collection, id)),
      );
      const over = entries.filter((entry) => entry !== undefined && task.isOver(entry, clock.now()));
      for (const entry of over) await task.forget(transaction, entry!);
      return over.length;
    });
  const sweep = async (task: ForgettingTask): Promise<number> => {
    let forgotten = 0;
    for (let after: string | undefined; turn.held() && !stopping.signal.aborted;) {
      const page: ControlEntry[] = await store.list(task.collection, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      const over = page.filter((entry) => task.isOver(entry, clock.now()));
      if (over.length > 0) forgotten += await forgetPage(task, over);
      if (page.length < PAGE) break;
      after = page.at(-1)!.id;
      await pause(PAUSE_MS);
    }
    return forgotten;
  };
  const round = async (): Promise<void> => {
    const entries = await store.list<LeaseEntry>(LEASES, { limit: LEASES_MAX });
    const isGone = (entry: ControlEntry<LeaseEntry>): boolean =>
      (leases.overForMs(entry) ?? -1) >= LEASES_KEPT_MS;
    for (const entry of entries.filter(isGone))
      await store.transact(async (transaction) => {
        const found = await transaction.get(LEASES, entry.id);
        if (found?.revision === entry.revision) await transaction.delete(LEASES, entry.id);
      });
    const alive = new Set(entries.filter((entry) => !isGone(entry)).map(({ id }) => id));
    const counts: Record<string, number> = {};
    for (const task of [...tasksOf(config, alive), ...more]) counts[task.collection] = await sweep(task);
    if (Object.values(counts).some((count) => count > 0))
      log.info({ ...counts }, 'old control state was forgotten');
  };
  const run = async (): Promise<void> => {
    while (turn.held() && !stopping.signal.aborted) {
      try {
        await round();
      } catch (error) {
        log.warn({ error }, 'old control state could not be forgotten; the next round tries again');
      }
      await pause(ROUND_MS);
    }
  };
  const turn = createTurn(
    { store, clock, log },
    { name: 'housekeeping', holder: config.holder, holdMs: TURN_MS, lookMs: TURN_MS / 6 },
    (held) => {
      if (!held) return;
      running = (running ?? Promise.resolve()).then(run);
    },
  );
  return {
    start: () => turn.start(),
    async stop() {
      stopping.abort();
      await turn.stop();
      await running;
    },
  };
}
