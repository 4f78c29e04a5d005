/** Who may run a transaction now: so many at a time, the others wait in order, bounded. */
import { controlStoreError } from '../errors.ts';
import type { Lane } from './transactions.ts';

export interface Lanes {
  run<R>(work: (lane: Lane) => Promise<R>): Promise<R>;
  /** Resolves when nothing runs or waits any more. */
  idle(): Promise<void>;
}

export function createLanes(
  process: string,
  { lanesMax, waitingMax }: { lanesMax: number; waitingMax: number },
): Lanes {
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <R>(work: () => Promise<R>): Promise<R> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  };
  const free: Lane[] = Array.from({ length: lanesMax }, (_, index) => ({
    writer: `${process}/${index}`,
    sequence: 0,
    inTurn,
  }));
  const waiting: ((lane: Lane) => void)[] = [];
  const idle: (() => void)[] = [];
  return {
    async run(work) {
      let lane = free.pop();
      if (lane === undefined) {
        if (waiting.length >= waitingMax) throw controlStoreError('CONTROL_STORE_BUSY', { max: waitingMax });
        lane = await new Promise<Lane>((resolve) => waiting.push(resolve));
      }
      try {
        return await work(lane);
      } finally {
        const next = waiting.shift();
        if (next === undefined) free.push(lane);
        else next(lane);
        if (free.length === lanesMax) for (const resolve of idle.splice(0)) resolve();
      }
    },
    idle: () => (free.length === lanesMax ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
  };
}
