/** Requests of the last minute, per session and per identity, in steps of a second. What is counted stays when sessions end. */
import type { Clock } from '../../platform/clock/clock.ts';

const SECONDS = 60;
/** Identities that are remembered; past that those go first that were silent for a minute, then the oldest. */
const IDENTITIES_MAX = 20_000;

export class MinuteCounter {
  readonly #counts = new Uint32Array(SECONDS);
  #total = 0;
  #second = 0;

  /** Counts one at `second` (any clock that only grows) and returns how many there were in the last minute. */
  add(second: number): number {
    this.#advance(second);
    this.#counts[second % SECONDS]! += 1;
    this.#total += 1;
    return this.#total;
  }

  /** How many there were in the last minute. */
  total(second: number): number {
    this.#advance(second);
    return this.#total;
  }

  #advance(second: number): void {
    const steps = Math.min(SECONDS, second - this.#second);
    for (let step = 1; step <= steps; step += 1) {
      const place = (this.#second + step) % SECONDS;
      this.#total -= this.#counts[place]!;
      this.#counts[place] = 0;
    }
    // After a long silence all places are empty, wherever it stands.
    if (second > this.#second) this.#second = second;
  }
}

export interface RequestRates {
  /** Counts a request of the identity; how many it made in the last minute, at other gateways too as far as they have told. */
  ofIdentity(identityId: string): number;
  /** Identities that made requests in the last minute at this gateway, and how many. */
  own(): Iterable<readonly [identityId: string, requests: number]>;
  /** Counts a request of a session. */
  ofSession(counter: MinuteCounter): number;
}

/** `elsewhere`: requests of an identity in the last minute at other gateways; absent: there are none. */
export function createRequestRates({
  clock,
  elsewhere = () => 0,
}: {
  readonly clock: Pick<Clock, 'monotonicUs'>;
  readonly elsewhere?: (identityId: string) => number;
}): RequestRates {
  const identities = new Map<string, MinuteCounter>();
  const second = (): number => Math.floor(clock.monotonicUs() / 1e6);
  const makeRoom = (now: number): void => {
    for (const [id, counter] of identities) if (counter.total(now) === 0) identities.delete(id);
    if (identities.size >= IDENTITIES_MAX) identities.delete(identities.keys().next().value!);
  };
  return {
    ofIdentity(identityId) {
      const now = second();
      let counter = identities.get(identityId);
      if (counter === undefined) {
        if (identities.size >= IDENTITIES_MAX) makeRoom(now);
        counter = new MinuteCounter();
        identities.set(identityId, counter);
      }
      return counter.add(now) + elsewhere(identityId);
    },
    *own() {
      const now = second();
      for (const [id, counter] of identities) {
        const requests = counter.total(now);
        if (requests > 0) yield [id, requests];
      }
    },
    ofSession: (counter) => counter.add(second()),
  };
}
