/**
 * Which leases are over. Clocks of two machines are never compared: a lease is over when it has not been renewed for as long as it
 * holds, by our own watch, which began after the renewal.
 */
import type { Clock } from '../../platform/clock/clock.ts';
import type { ControlEntry } from '../../platform/control-store/control-store.ts';

export type LeaseEntry = {
  readonly epoch: number;
  /** The folder that the gateway's spool is in: two gateways of one name have two. */
  readonly home: string;
  /** How long it holds from each renewal. */
  readonly leaseMs: number;
  readonly appliedRevision: number;
};

/** Two machines' monotonic clocks may run so much apart (NTP slews by 500 ppm at most). */
const DRIFT = 1.01;

export interface LeaseWatch {
  /** How long this entry has been over, milliseconds; undefined while it may be live. Looks at it at the same time. */
  overForMs(entry: ControlEntry<LeaseEntry>): number | undefined;
  /** All leases that there are: others are forgotten. */
  see(entries: readonly ControlEntry<LeaseEntry>[]): void;
}

export function createLeaseWatch({ clock }: { readonly clock: Clock }): LeaseWatch {
  let seen = new Map<string, { readonly revision: number; readonly sinceUs: number }>();
  const sinceOf = ({ id, revision }: ControlEntry): number => {
    const before = seen.get(id);
    if (before?.revision === revision) return before.sinceUs;
    const sinceUs = clock.monotonicUs();
    seen.set(id, { revision, sinceUs });
    return sinceUs;
  };
  return {
    overForMs(entry) {
      const overMs = (clock.monotonicUs() - sinceOf(entry)) / 1000 - entry.value.leaseMs * DRIFT;
      return overMs >= 0 ? overMs : undefined;
    },
    see(entries) {
      // Bounded by the leases that there are.
      for (const entry of entries) sinceOf(entry);
      const ids = new Set(entries.map(({ id }) => id));
      seen = new Map([...seen].filter(([id]) => ids.has(id)));
    },
  };
}
