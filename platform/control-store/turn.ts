/**
 * Work that one process at a time does for all: whose turn it is stands in the store. No clocks of different machines are compared:
 * a holder believes in its turn for `holdMs` from before each renewal, and the others take over when they have seen no renewal for
 * as long by their own watch, which began later.
 */
import type { Clock } from '../clock/clock.ts';
import type { Logger } from '../log/log.ts';
import type { ControlStore } from './control-store.ts';

export interface TurnConfig {
  readonly name: string;
  /** Different in each process, also after a restart. */
  readonly holder: string;
  readonly holdMs: number;
  /** How often the holder renews and the others look; a third of `holdMs` or less. */
  readonly lookMs: number;
  /**
   * What the turn is for refuses a former holder that goes on without knowing it. Then the others do not wait where the store knows that the
   * holder's process is gone: it may only have lost its way to the store.
   */
  readonly fenced?: boolean;
}

export interface Turn {
  start(): void;
  /** True as long as no other process can have it. */
  held(): boolean;
  /** Renews it now, so that `held` knows of whoever has taken it over. */
  confirm(): Promise<void>;
  /** Gives it back, so that another one need not wait. */
  stop(): Promise<void>;
}

type TurnEntry = { readonly holder: string; readonly presence?: string | null };
const COLLECTION = 'turns';
const UNFLUSHED = { flush: false } as const;

export function createTurn(
  { store, clock, log }: { readonly store: ControlStore; readonly clock: Clock; readonly log: Logger },
  { name, holder, holdMs, lookMs, fenced = false }: TurnConfig,
  /** Called on each change, not twice at once for one. */
  onChange: (held: boolean) => void,
): Turn {
  let validUntilUs = -1;
  let wasHeld = false;
  let stopped = false;
  let running: Promise<void> | undefined;
  let timers: { cancel(): void }[] = [];
  let seen: { readonly revision: number; readonly sinceUs: number } | undefined;

  const held = (): boolean => !stopped && clock.monotonicUs() < validUntilUs;
  const tell = (): void => {
    const now = held();
    if (now === wasHeld) return;
    wasHeld = now;
    onChange(now);
  };
  /** Takes or renews it, unless somebody else has it whose entry is not the one of `expected`. */
  const take = async (expected: number | undefined): Promise<void> => {
    let startUs = 0;
    const taken = await store.transact(async (transaction) => {
      startUs = clock.monotonicUs();
      const entry = await transaction.get<TurnEntry>(COLLECTION, name);
      if (entry !== undefined && entry.value.holder !== holder && entry.revision !== expected) return false;
      await transaction.put(COLLECTION, name, { holder, presence: store.presence?.id ?? null });
      return true;
    }, UNFLUSHED);
    validUntilUs = taken ? startUs + holdMs * 1000 : -1;
    tell();
  };
  const look = async (): Promise<void> => {
    // Renewed when a third of it is over.
    if (held()) return validUntilUs - clock.monotonicUs() > holdMs * 667 ? undefined : take(undefined);
    const entry = await store.get<TurnEntry>(COLLECTION, name);
    if (entry === undefined || entry.value.holder === holder) return take(undefined);
    const nowUs = clock.monotonicUs();
    if (seen?.revision !== entry.revision) seen = { revision: entry.revision, sinceUs: nowUs };
    const { presence, holder: other } = entry.value;
    const isOver = nowUs - seen.sinceUs >= holdMs * 1000;
    const isGone = async (): Promise<boolean> =>
      fenced && typeof presence === 'string' && (await store.presence?.isGone(presence)) === true;
    if (!isOver && !(await isGone())) return undefined;
    log.warn(
      { name, holder: other },
      isOver
        ? 'a process does not renew its turn; it is taken over'
        : 'the turn of a process that is gone is taken over',
    );
    return take(entry.revision);
  };
  const lookQuietly = (): void => {
    tell();
    if (stopped || running !== undefined) return;
    running = look()
      .catch((error: unknown) => log.warn({ error, name }, 'whose turn it is could not be looked up'))
      .finally(() => {
        running = undefined;
      });
  };
  return {
    start() {
      timers = [clock.every(lookMs, lookQuietly)];
      lookQuietly();
    },
    held,
    async confirm() {
      await running;
      if (!stopped && held()) await take(undefined);
    },
    async stop() {
      stopped = true;
      for (const timer of timers) timer.cancel();
      await running;
      tell();
      await store
        .transact(async (transaction) => {
          const entry = await transaction.get<TurnEntry>(COLLECTION, name);
          if (entry?.value.holder === holder) await transaction.delete(COLLECTION, name);
        }, UNFLUSHED)
        .catch((error: unknown) => log.warn({ error, name }, 'a turn could not be given back'));
    },
  };
}
