/**
 * What identities ask for at other gateways: each gateway tells in the control store, once a second, how many requests its identities made in
 * the last minute, and adds what the others tell to its own counts. A request costs an addition. Between two rounds a gateway does not know of
 * the others' newest requests: docs/policy.md says how much that lets through.
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlEntry, ControlStore } from '../../platform/control-store/control-store.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { ForgettingTask } from '../control/housekeeping.ts';

/** One entry for each gateway, by its id. */
export const REQUEST_RATES = 'request-rates';

type Told = {
  /** Wall clock of who told; only to forget it one day. */
  readonly at: number;
  readonly counts: readonly (readonly [identityId: string, requests: number])[];
};

interface Heard {
  readonly revision: number;
  readonly sinceUs: number;
  readonly counts: Told['counts'];
}

export interface SharedRates {
  /** Requests of the last minute at the other gateways, as far as they have told. */
  ofOthers(identityId: string): number;
  start(): void;
  stop(): Promise<void>;
}

export interface SharedRatesDeps {
  readonly store: ControlStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** This gateway's identities and their requests of the last minute. */
  readonly own: () => Iterable<readonly [string, number]>;
  /** Whether the policy looks at these counts; where it does not, nothing is told and nothing heard. */
  readonly wanted: () => boolean;
}

const TELL_MS = 1000;
/** The busiest identities of a gateway; the rate of the others is counted here alone. */
const IDENTITIES_MAX = 2000;
/** An entry is read by every gateway every second. */
const ID_CHARACTERS_MAX = 128 * 1024;
const GATEWAYS_MAX = 100;
/** Whoever is silent for so long has made no request in the last minute, or cannot be heard. */
const STALE_US = 60e6;
const FORGOTTEN_MS = 3_600_000;
const UNFLUSHED = { flush: false } as const;
const NONE: ReadonlyMap<string, number> = new Map();

function busiest(own: Iterable<readonly [string, number]>): Told['counts'] {
  const counts: (readonly [string, number])[] = [];
  let characters = 0;
  for (const [id, requests] of [...own].toSorted(([, one], [, other]) => other - one)) {
    characters += id.length;
    if (counts.length >= IDENTITIES_MAX || characters > ID_CHARACTERS_MAX) break;
    counts.push([id, requests]);
  }
  return counts;
}

export function createSharedRates(
  { store, clock, log, own, wanted }: SharedRatesDeps,
  { gateway }: { readonly gateway: string },
): SharedRates {
  let heard: Map<string, Heard> | undefined;
  let others = NONE;
  let toldAny = false;
  let timer: { cancel(): void } | undefined;
  let running: Promise<void> | undefined;

  const add = (): void => {
    const oldestUs = clock.monotonicUs() - STALE_US;
    const sums = new Map<string, number>();
    for (const { sinceUs, counts } of heard?.values() ?? [])
      if (sinceUs > oldestUs)
        for (const [id, requests] of counts) sums.set(id, (sums.get(id) ?? 0) + requests);
    others = sums.size === 0 ? NONE : sums;
  };
  const hear = (entries: readonly ControlEntry<Told>[]): void => {
    const nowUs = clock.monotonicUs();
    const before = heard;
    heard = new Map();
    for (const { id, revision, value } of entries) {
      if (id === gateway) continue;
      const known = before?.get(id);
      // How old what stood there before us is, nobody knows; who lives tells anew within a second.
      const sinceUs = before === undefined ? -Infinity : nowUs;
      heard.set(id, known?.revision === revision ? known : { revision, sinceUs, counts: value.counts });
    }
  };
  const tell = async (): Promise<void> => {
    const counts = busiest(own());
    if (counts.length === 0 && !toldAny) return;
    await store.transact(
      (transaction) => transaction.put(REQUEST_RATES, gateway, { at: clock.now(), counts }),
      UNFLUSHED,
    );
    toldAny = counts.length > 0;
  };
  const round = async (): Promise<void> => {
    await tell();
    hear(await store.list<Told>(REQUEST_RATES, { limit: GATEWAYS_MAX }));
    add();
  };
  const tick = (): void => {
    if (!wanted()) {
      heard = undefined;
      others = NONE;
      return;
    }
    // Also where the store is away: what was heard grows old.
    add();
    running ??= round()
      .catch((error: unknown) =>
        log.debug({ error }, 'request rates could not be shared with other gateways'),
      )
      .finally(() => {
        running = undefined;
      });
  };
  return {
    ofOthers: (identityId) => (others === NONE ? 0 : (others.get(identityId) ?? 0)),
    start() {
      // One process alone has this store.
      if (store.presence !== undefined) timer ??= clock.every(TELL_MS, tick);
    },
    async stop() {
      timer?.cancel();
      // What was told stays: these requests were made, and the others count them until they are a minute old.
      await running;
    },
  };
}

/** Entries of gateways that are gone. */
export const forgettingOfRates: ForgettingTask = {
  collection: REQUEST_RATES,
  isOver: ({ value }, now) => (value as Told).at < now - FORGOTTEN_MS,
  forget: (transaction, { id }) => transaction.delete(REQUEST_RATES, id),
};
