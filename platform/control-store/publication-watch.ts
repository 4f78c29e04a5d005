import type { Clock } from '../clock/clock.ts';

export interface PublicationWatch {
  notify(): void;
  /** Returns how to stop. */
  add(callback: () => void): () => void;
  stop(): void;
}

/** Notices publications of this process when told, and of others by looking each `pollMs` (0: never). */
export function createPublicationWatch(
  clock: Clock,
  lastPublished: () => Promise<number>,
  pollMs: number,
): PublicationWatch {
  const callbacks = new Set<() => void>();
  let seen: number | undefined;
  let polling = false;
  const notify = (): void => {
    for (const callback of callbacks) callback();
  };
  const poll = async (): Promise<void> => {
    if (polling || callbacks.size === 0) return;
    polling = true;
    try {
      const last = await lastPublished();
      if (seen !== undefined && last > seen) notify();
      seen = last;
    } finally {
      polling = false;
    }
  };
  const look = (): void => {
    // A store that is away fails its callers; the next look may succeed.
    poll().catch(() => undefined);
  };
  const timer = pollMs > 0 ? clock.every(pollMs, look) : undefined;
  return {
    notify,
    add(callback) {
      callbacks.add(callback);
      if (pollMs > 0) look();
      return () => void callbacks.delete(callback);
    },
    stop: () => timer?.cancel(),
  };
}
