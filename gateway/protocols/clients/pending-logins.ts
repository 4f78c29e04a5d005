/** Connections that have not logged in, oldest first, with a bound: beyond it the oldest is turned away. */
export interface PendingLogins {
  /** `turnAway` is called at most once, when newer ones need the place. Returns what takes it off the list. */
  add(turnAway: () => void): () => void;
  readonly size: number;
}

export function createPendingLogins(max: number): PendingLogins {
  const pending = new Set<() => void>();
  return {
    get size() {
      return pending.size;
    },
    add(turnAway) {
      if (pending.size >= max) {
        for (const oldest of pending) {
          pending.delete(oldest);
          oldest();
          break;
        }
      }
      // A function of its own for each, so that the set tells them apart.
      const entry = (): void => turnAway();
      pending.add(entry);
      return () => void pending.delete(entry);
    },
  };
}
