/**
 * The gateway's lease in the control store: as long as it holds, this gateway's view of lockouts is known to be fresh. Without
 * it the view counts as stale. Renewal also tells how far the view has come, which is what `in force` waits for.
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlEntry, ControlStore } from '../../platform/control-store/control-store.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { GatewayConfig } from '../../schemas/config/gateway.ts';
import type { ControlView } from './control-view.ts';

export type LeaseEntry = {
  readonly epoch: number;
  readonly leaseUntil: number;
  /** How long it holds from each renewal. */
  readonly leaseMs: number;
  readonly appliedRevision: number;
};
/** Last revision that concerns gateways; written with every control record. */
export type ControlHead = { readonly revision: number };
export const LEASES = 'leases';
export const CONTROL_HEAD = { collection: 'control', id: 'head' } as const;

export interface Lease {
  /** Takes the lease; rejects when the store is away. */
  start(): Promise<void>;
  held(): boolean;
  /** Called when the lease is lost, and with true when it is back. */
  onChange(callback: (held: boolean) => void): void;
  /** Resolves with the next renewal: how far the view has come stands in the store then. */
  renewed(): Promise<void>;
  stop(): Promise<void>;
}

export interface LeaseDeps {
  readonly store: ControlStore;
  readonly view: ControlView;
  readonly clock: Clock;
  readonly log: Logger;
}

const WATCH_MS = 50;
const UNFLUSHED = { flush: false } as const;

export function createLease(
  { store, view, clock, log }: LeaseDeps,
  config: Pick<GatewayConfig, 'id' | 'leaseMs' | 'leaseRenewMs'> & { readonly epoch: number },
): Lease {
  const callbacks: ((held: boolean) => void)[] = [];
  const timers: { cancel(): void }[] = [];
  let renewal = Promise.withResolvers<void>();
  let validUntilUs = -1;
  let behindSinceUs: number | undefined;
  let wasHeld = false;
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  const held = (): boolean => {
    const nowUs = clock.monotonicUs();
    const fresh = behindSinceUs === undefined || nowUs - behindSinceUs < config.leaseMs * 1000;
    return !stopped && nowUs < validUntilUs && fresh;
  };
  const watch = (): void => {
    const now = held();
    if (now === wasHeld) return;
    wasHeld = now;
    if (now) log.info({}, 'the lease is held');
    else log.error({}, 'the lease is lost: the view of the control state may be stale');
    for (const callback of callbacks) callback(now);
  };
  const renewOnce = async (): Promise<void> => {
    // From before the request: the lease may never be believed longer than the store says.
    const startUs = clock.monotonicUs();
    const result = await store.transact(async (transaction) => {
      const before = await transaction.get<LeaseEntry>(LEASES, config.id);
      if (before !== undefined && before.value.epoch > config.epoch) return undefined;
      const entry: LeaseEntry = {
        epoch: config.epoch,
        leaseUntil: clock.now() + config.leaseMs,
        leaseMs: config.leaseMs,
        appliedRevision: view.appliedRevision(),
      };
      await transaction.put(LEASES, config.id, entry);
      const head = await transaction.get<ControlHead>(CONTROL_HEAD.collection, CONTROL_HEAD.id);
      return head?.value.revision ?? 0;
      // A disk that is slow to flush must not end every machine's sessions: without the process the lease means nothing anyway.
    }, UNFLUSHED);
    if (result === undefined) {
      log.error({}, 'another process runs under the name of this gateway');
      return;
    }
    validUntilUs = startUs + config.leaseMs * 1000;
    renewal.resolve();
    renewal = Promise.withResolvers<void>();
    // The store can be reached while the log cannot: then lockouts do not arrive, and the view is as stale as without a lease.
    if (result > view.appliedRevision()) behindSinceUs ??= startUs;
    else behindSinceUs = undefined;
    watch();
  };
  const renew = (): Promise<void> => {
    again = true;
    running ??= (async () => {
      while (again && !stopped) {
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
  view.onApplied(() => {
    if (wasHeld || validUntilUs >= 0) renewQuietly();
  });
  return {
    async start() {
      await renew();
      timers.push(clock.every(config.leaseRenewMs, renewQuietly), clock.every(WATCH_MS, watch));
    },
    held,
    onChange: (callback) => void callbacks.push(callback),
    renewed: () => renewal.promise,
    async stop() {
      stopped = true;
      for (const timer of timers) timer.cancel();
      await running?.catch(() => undefined);
      // Nobody must wait for a gateway that is gone.
      await store.transact((transaction) => transaction.delete(LEASES, config.id)).catch(() => undefined);
    },
  };
}

const POLL_MS = 5;
/** Clocks of two gateways, or of one before and after a step, may differ by so much. */
const SKEW_MS_MAX = 10_000;

/**
 * Says which leases are over. A lease that seems to have just ended may be one whose gateway's clock is behind ours: it is over
 * only when it has not been renewed for as long as it holds, by our own watch.
 */
function createLeaseWatch(clock: Clock): (entry: ControlEntry<LeaseEntry>) => boolean {
  const seen = new Map<string, { readonly revision: number; readonly sinceUs: number }>();
  return ({ id, value, revision }) => {
    if (value.leaseUntil + SKEW_MS_MAX <= clock.now()) return true;
    const before = seen.get(id);
    const nowUs = clock.monotonicUs();
    if (before?.revision === revision) return nowUs - before.sinceUs >= value.leaseMs * 1000;
    seen.set(id, { revision, sinceUs: nowUs });
    return false;
  };
}

export interface InForceDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  /** Of the gateway in this process: its own renewal is heard of at once, others' by looking. */
  readonly lease?: Pick<Lease, 'renewed'>;
}

/** Waits until every gateway with a live lease has applied `revision`; false when `timeoutMs` is over first. */
export async function waitInForce(
  { store, clock, lease }: InForceDeps,
  revision: number,
  timeoutMs: number,
): Promise<boolean> {
  const endUs = clock.monotonicUs() + timeoutMs * 1000;
  const isOver = createLeaseWatch(clock);
  for (;;) {
    // From before the look, so that no renewal is missed.
    const renewed = lease?.renewed();
    const leases = await store.list<LeaseEntry>(LEASES, { limit: 1000 });
    if (leases.every((entry) => entry.value.appliedRevision >= revision || isOver(entry))) return true;
    if (clock.monotonicUs() >= endUs) return false;
    const poll = clock.sleep(POLL_MS);
    await (renewed === undefined ? poll : Promise.race([renewed, poll]));
  }
}
