import type { StoredState } from './state-changelog.ts';

/** Bytes of states that one partition keeps from its restoring until they are first used. */
const BYTES_MAX = 64 * 1024 * 1024;

/** The newest states that passed by while a changelog was read, within bounds; the oldest go first. */
export interface RecentStates {
  put(key: string, place: StoredState, state: Buffer): void;
  /** The bytes of this very writing of the key's state; they are not kept any longer. */
  take(key: string, place: StoredState): Buffer | undefined;
}

export function createRecentStates(keysMax: number): RecentStates {
  const kept = new Map<string, { readonly offset: number; readonly state: Buffer }>();
  let bytes = 0;
  const drop = (key: string): void => {
    const before = kept.get(key);
    if (before === undefined) return;
    bytes -= before.state.length;
    kept.delete(key);
  };
  return {
    put(key, { firstOffset, chunks }, state) {
      drop(key);
      // A state in several pieces is large: it is read when it is needed.
      if (chunks > 1) return;
      kept.set(key, { offset: firstOffset, state });
      bytes += state.length;
      while (kept.size > keysMax || bytes > BYTES_MAX) drop(kept.keys().next().value!);
    },
    take(key, { firstOffset }) {
      const found = kept.get(key);
      drop(key);
      return found?.offset === firstOffset ? found.state : undefined;
    },
  };
}
