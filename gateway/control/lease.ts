/**
 * The gateway's lease in the control store: as long as it holds, this gateway's view of lockouts is known to be fresh. Without
 * it the view counts as stale. Renewal also tells how far the view has come, which is what `in force` waits for.
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlEntry, ControlStore } from '../../platform/control-store/control-store.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import { headOf } from './control-head.ts';
import type { ControlView } from './control-view.ts';
import { controlError } from './errors.ts';
import { createLeaseWatch, type LeaseEntry, type LeaseWatch } from './lease-watch.ts';
import { raiseRevision } from './raise-revision.ts';

export const LEASES = 'leases';
export const LEASES_MAX = 1000;

export interface Lease {
  /**
   * Takes the lease and waits until the view has all that was recorded before, at most as long as a lease holds. Rejects when the
   * store is away, and with GATEWAY_ID_TAKEN when another gateway of this name lives.
   */
  start(): Promise<void>;
  held(): boolean;
  /** Called when the lease is lost, and with true when it is back. */
  onChange(callback: (held: boolean) => void): void;
  /** Resolves with the next renewal: how far the view has come stands in the store then. */
  renewed(): Promise<void>;
  /** Another gateway has taken this one's name: the lease never comes back. */
  taken(): boolean;
  /** What this gateway has seen of all leases. */
  readonly watch: LeaseWatch;
  stop(): Promise<void>;
}

export interface LeaseDeps {
  readonly store: ControlStore;
  readonly view: ControlView;
  readonly clock: Clock;
  readonly log: Logger;
}

export type LeaseConfig = Pick<GatewayConfig, 'id' | 'leaseMs' | 'leaseRenewMs'> &
  Pick<LeaseEntry, 'epoch' | 'home'>;

const WATCH_MS = 50;
const CATCH_UP_MS = 20;
const UNFLUSHED = { flush: false } as const;

/** Waits until a namesake's lease is over; resolves with the revision of the entry that may be replaced. */
async function claim(
  { store, clock }: Pick<LeaseDeps, 'store' | 'clock'>,
  { id, home, leaseRenewMs }: LeaseConfig,
): Promise<number | undefined> {
  const watch = createLeaseWatch({ clock });
  let revision: number | undefined;
  for (;;) {
    const entry = await store.get<LeaseEntry>(LEASES, id);
    if (entry === undefined) return undefined;
    // Of this very gateway, which has died: its data folder can be held by one process only.
    if (entry.value.home === home) return entry.revision;
    revision ??= entry.revision;
    if (entry.revision !== revision) throw controlError('GATEWAY_ID_TAKEN', { id });
    if (watch.overForMs(entry) !== undefined) return revision;
    await clock.sleep(leaseRenewMs / 4);
  }
}

export function createLease({ store, view, clock, log }: LeaseDeps, config: LeaseConfig): Lease {
  const { id, epoch, home, leaseMs } = config;
  const callbacks: ((held: boolean) => void)[] = [];
  const timers: { cancel(): void }[] = [];
  const leaseWatch = createLeaseWatch({ clock });
  let renewal = Promise.withResolvers<void>();
  let validUntilUs = -1;
  let behindSinceUs: number | undefined;
  let claimed: number | undefined;
  let mustCatchUp = true;
  let taken = false;
  let wasHeld = false;
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  const held = (): boolean => {
    const nowUs = clock.monotonicUs();
    const fresh = behindSinceUs === undefined || nowUs - behindSinceUs < leaseMs * 1000;
    return !stopped && !taken && !mustCatchUp && nowUs < validUntilUs && fresh;
  };
  const watch = (): void => {
    const now = held();
    if (now === wasHeld) return;
    wasHeld = now;
    if (now) log.info({}, 'the lease is held');
    else log.error({}, 'the lease is lost: the view of the control state may be stale');
    for (const callback of callbacks) callback(now);
  };
  const isForeign = ({ value, revision }: ControlEntry<LeaseEntry>): boolean =>
    revision !== claimed && (value.home !== home || value.epoch > epoch);
  const renewOnce = async (): Promise<void> => {
    let startUs = 0;
    const result = await store.transact(async (transaction) => {
      // From before the request: the lease may never be believed longer than others count it.
      startUs = clock.monotonicUs();
      const appliedBefore = view.appliedRevision();
      const [before, head] = await Promise.all([
        transaction.get<LeaseEntry>(LEASES, id),
        headOf(transaction),
      ]);
      if (before !== undefined && isForeign(before)) return undefined;
      const entry: LeaseEntry = { epoch, home, leaseMs, appliedRevision: view.appliedRevision() };
      await transaction.put(LEASES, id, entry);
      // What was applied had been committed before: unless the store has gone back.
      return { head: head.revision, isOld: appliedBefore > head.issued };
      // A disk that is slow to flush must not end every machine's sessions: without the process the lease means nothing anyway.
    }, UNFLUSHED);
    if (result === undefined) {
      if (!taken)
        log.error({ id }, 'another process runs under the name of this gateway, which has stopped serving');
      taken = true;
      watch();
      return;
    }
    // Others may have counted it as over meanwhile, and called in force what is not known here.
    const lapsed = clock.monotonicUs() >= validUntilUs;
    validUntilUs = startUs + leaseMs * 1000;
    renewal.resolve();
    renewal = Promise.withResolvers<void>();
    // The store can be reached while the log cannot: then lockouts do not arrive, and the view is as stale as without a lease.
    if (result.head > view.appliedRevision()) {
      mustCatchUp ||= lapsed;
      behindSinceUs ??= startUs;
    } else {
      mustCatchUp = false;
      behindSinceUs = undefined;
    }
    watch();
    if (result.isOld) await raiseRevision({ store, log }, view.appliedRevision());
  };
  const renew = (): Promise<void> => {
    again = true;
    running ??= (async () => {
      while (again && !stopped && !taken) {
        again = false;
        await renewOnce();
      }
    })().finally(() => {
      running = undefined;
    });
    return running;
  };
  const renewQuietly = (): void => {
    renew().catch((error: unknown) => log.warn({ error }, 'the lease could not be renewed'));
  };
  const seeLeases = (): void => {
    store
      .list<LeaseEntry>(LEASES, { limit: LEASES_MAX })
      .then((entries) => leaseWatch.see(entries))
      // The renewal beside it says so.
      .catch(() => undefined);
  };
  view.onApplied(() => {
    if (validUntilUs >= 0) renewQuietly();
  });
  return {
    async start() {
      claimed = await claim({ store, clock }, config);
      await raiseRevision({ store, log }, view.appliedRevision());
      await renew();
      if (taken) throw controlError('GATEWAY_ID_TAKEN', { id });
      timers.push(
        clock.every(config.leaseRenewMs, renewQuietly),
        clock.every(config.leaseRenewMs, seeLeases),
        clock.every(WATCH_MS, watch),
      );
      // Else the first sessions would be judged by an old view; past that time the lease counts as lost anyway.
      const endUs = clock.monotonicUs() + leaseMs * 1000;
      while (!held() && !taken && clock.monotonicUs() < endUs) await clock.sleep(CATCH_UP_MS);
    },
    held,
    onChange: (callback) => void callbacks.push(callback),
    renewed: () => renewal.promise,
    taken: () => taken,
    watch: leaseWatch,
    async stop() {
      stopped = true;
      for (const timer of timers) timer.cancel();
      await running?.catch(() => undefined);
      if (taken) return;
      // Nobody must wait for a gateway that is gone.
      await store
        .transact(async (transaction) => {
          const entry = await transaction.get<LeaseEntry>(LEASES, id);
          if (entry?.value.home === home) await transaction.delete(LEASES, id);
        })
        .catch(() => undefined);
    },
  };
}

/** How often others' leases are looked at: soon at first, since a kill takes milliseconds, then so that many waiters do no harm. */
const POLL_MS_MIN = 5;
const POLL_MS_MAX = 50;
const POLLS_SOON = 20;

export interface InForceDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  /** Of the gateway in this process: its own renewal is heard of at once, others' by looking; and it knows who has died before. */
  readonly lease?: Pick<Lease, 'renewed' | 'watch'>;
}

/**
 * Waits until every gateway with a live lease has applied `revision`; false when `timeoutMs` is over first, also where the store is
 * away: it is recorded all the same.
 */
export async function waitInForce(
  { store, clock, lease }: InForceDeps,
  revision: number,
  timeoutMs: number,
): Promise<boolean> {
  const endUs = clock.monotonicUs() + timeoutMs * 1000;
  const watch = lease?.watch ?? createLeaseWatch({ clock });
  const isDone = (entry: ControlEntry<LeaseEntry>): boolean =>
    entry.value.appliedRevision >= revision || watch.overForMs(entry) !== undefined;
  for (let polls = 0; ; polls += 1) {
    // From before the look, so that no renewal is missed.
    const renewed = lease?.renewed();
    const leases = await store.list<LeaseEntry>(LEASES, { limit: LEASES_MAX }).catch(() => undefined);
    // Each is looked at, so that the watch knows it.
    if (leases?.map(isDone).every(Boolean) === true) return true;
    if (clock.monotonicUs() >= endUs) return false;
    const poll = clock.sleep(polls < POLLS_SOON ? POLL_MS_MIN : POLL_MS_MAX);
    await (renewed === undefined ? poll : Promise.race([renewed, poll]));
  }
}
