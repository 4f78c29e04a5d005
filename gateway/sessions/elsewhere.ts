/**
 * Sessions on other gateways: each gateway tells of its own in the control store, about once a second and in one transaction, so that the
 * data path does nothing for it. Sessions shorter than that are never told of; the trail has them.
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlStore } from '../../platform/control-store/control-store.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { SessionSummary } from '../../schemas/api/sessions.ts';
import { LEASES, LEASES_MAX } from '../control/lease.ts';
import type { LeaseEntry, LeaseWatch } from '../control/lease-watch.ts';
import { LIVE_SESSIONS, type LiveEntry } from '../control/live-entries.ts';
import type { LiveSession } from './live-session.ts';
import { summaryOf } from './session-summary.ts';

export interface Elsewhere {
  /** Live sessions of other gateways that live, newest first, at most `limit`. */
  list(limit: number): Promise<SessionSummary[]>;
  get(sessionId: string): Promise<SessionSummary | undefined>;
}

export interface ElsewhereRole extends Elsewhere {
  /** Forgets what an earlier process of this gateway told, and begins to tell. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ElsewhereDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly leases: LeaseWatch;
  readonly sessions: () => readonly LiveSession[];
}

const TELL_MS = 1000;
const CHANGES_MAX = 2000;
const PAGE = 1000;
/** Sessions that are looked through for one question. */
const LOOKED_MAX = 100_000;
const UNFLUSHED = { flush: false } as const;

export function createElsewhere(
  { store, clock, log, leases, sessions }: ElsewhereDeps,
  { gateway, home }: { readonly gateway: string; readonly home: string },
): ElsewhereRole {
  /** Bounded by the sessions that may be open. */
  const told = new Set<string>();
  let timer: { cancel(): void } | undefined;
  let telling: Promise<void> | undefined;

  const change = (add: readonly LiveSession[], gone: readonly string[]): Promise<void> =>
    store.transact(async (transaction) => {
      for (const session of add) {
        const { state: _state, closedAt: _at, closeReason: _reason, ...rest } = summaryOf(session, gateway);
        const entry: LiveEntry = { ...rest, home };
        await transaction.put(LIVE_SESSIONS, session.id, entry);
      }
      for (const id of gone) await transaction.delete(LIVE_SESSIONS, id);
    }, UNFLUSHED);
  const tell = async (): Promise<void> => {
    const live = new Map(sessions().map((session) => [session.id, session]));
    const add = [...live.values()].filter(({ id }) => !told.has(id)).slice(0, CHANGES_MAX);
    const gone = [...told].filter((id) => !live.has(id)).slice(0, CHANGES_MAX);
    if (add.length === 0 && gone.length === 0) return;
    await change(add, gone);
    for (const { id } of add) told.add(id);
    for (const id of gone) told.delete(id);
  };
  const tellQuietly = (): void => {
    telling ??= tell()
      .catch((error: unknown) => log.debug({ error }, 'other gateways could not be told of sessions'))
      .finally(() => {
        telling = undefined;
      });
  };
  /** Newest last; ends early where `take` says so. */
  const each = async (take: (entry: LiveEntry) => void): Promise<void> => {
    let looked = 0;
    for (let after: string | undefined; looked < LOOKED_MAX;) {
      const page = await store.list(LIVE_SESSIONS, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const { value } of page) take(value as unknown as LiveEntry);
      looked += page.length;
      if (page.length < PAGE) return;
      after = page.at(-1)!.id;
    }
  };
  const livingHomes = async (): Promise<ReadonlySet<string>> => {
    const entries = await store.list<LeaseEntry>(LEASES, { limit: LEASES_MAX });
    return new Set(
      entries.filter((entry) => leases.overForMs(entry) === undefined).map(({ value }) => value.home),
    );
  };
  const shown = ({ home: _home, ...entry }: LiveEntry): SessionSummary => ({
    ...entry,
    state: 'live',
    closedAt: null,
    closeReason: null,
  });
  return {
    async start() {
      const left: string[] = [];
      await each((entry) => {
        if (entry.gateway === gateway) left.push(entry.sessionId);
      });
      for (let from = 0; from < left.length; from += CHANGES_MAX)
        await change([], left.slice(from, from + CHANGES_MAX));
      timer = clock.every(TELL_MS, tellQuietly);
    },
    async stop() {
      timer?.cancel();
      await telling;
      const gone = [...told];
      try {
        for (let from = 0; from < gone.length; from += CHANGES_MAX)
          await change([], gone.slice(from, from + CHANGES_MAX));
      } catch (error) {
        log.debug({ error }, 'other gateways could not be told that sessions are over');
      }
    },
    async list(limit) {
      const alive = await livingHomes();
      let found: LiveEntry[] = [];
      await each((entry) => {
        if (entry.gateway === gateway || !alive.has(entry.home)) return;
        found.push(entry);
        if (found.length >= limit * 2) found = found.slice(-limit);
      });
      return found.slice(-limit).toReversed().map(shown);
    },
    async get(sessionId) {
      const entry = await store.get(LIVE_SESSIONS, sessionId);
      const value = entry?.value as unknown as LiveEntry | undefined;
      if (value === undefined || value.gateway === gateway) return undefined;
      return (await livingHomes()).has(value.home) ? shown(value) : undefined;
    },
  };
}
