/** Work that is done one piece after the other, until one fails. */
export interface Turns {
  /** Runs it after what was given before. After a failure nothing runs any more; work that is `needed` rejects then. */
  inTurn(work: () => Promise<void>, needed?: boolean): Promise<void>;
  broken(): boolean;
}

export function createTurns(name: string): Turns {
  let queue: Promise<unknown> = Promise.resolve();
  // After a failure the state may hold half an event: it must never be written, and a new engine starts from the last marker.
  let broken = false;
  return {
    inTurn(work, needed = false) {
      const guarded = async (): Promise<void> => {
        if (broken) {
          if (needed) throw new Error(`${name} has failed before`);
          return;
        }
        broken = true;
        await work();
        broken = false;
      };
      const result = queue.then(guarded);
      queue = result.catch(() => undefined);
      return result;
    },
    broken: () => broken,
  };
}
