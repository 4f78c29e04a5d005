/** Work that is done one piece after the other, until one fails. */
export interface Turns {
  /** Runs it after what was given before. After a failure nothing runs any more; work that is `needed` rejects with that failure. */
  inTurn(work: () => Promise<void>, needed?: boolean): Promise<void>;
  broken(): boolean;
}

export function createTurns(): Turns {
  let queue: Promise<unknown> = Promise.resolve();
  // After a failure the state may hold half an event: it must never be written, and a new engine starts from the last marker.
  let broken = false;
  let failure: unknown;
  return {
    inTurn(work, needed = false) {
      const guarded = async (): Promise<void> => {
        if (broken) {
          if (needed) throw failure;
          return;
        }
        broken = true;
        try {
          await work();
          broken = false;
        } catch (error) {
          failure = error;
          throw error;
        }
      };
      const result = queue.then(guarded);
      queue = result.catch(() => undefined);
      return result;
    },
    broken: () => broken,
  };
}
