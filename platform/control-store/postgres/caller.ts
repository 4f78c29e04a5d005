/** Runs statements again where that is safe: while the server is away, up to a bound. */
import type { Clock } from '../../clock/clock.ts';
import type { ConnectionPool } from './connection-pool.ts';
import { unavailable } from './failures.ts';
import type { Row, Statement } from './statement.ts';

const DELAY_MS_MIN = 20;
const DELAY_MS_MAX = 250;

export interface Caller {
  /** A statement that may run twice. Rejects with the server's last word once `untilUs` (monotonic) has passed. */
  repeat(statement: Statement, values: readonly unknown[], untilUs: number): Promise<Row[]>;
  /** Waits a little longer each time, from `attempt` 0; false when there is no time for another attempt. */
  pause(attempt: number, untilUs: number): Promise<boolean>;
}

export function createCaller({
  clock,
  pool,
  stopping,
}: {
  readonly clock: Clock;
  readonly pool: ConnectionPool;
  readonly stopping: AbortSignal;
}): Caller {
  const pause = async (attempt: number, untilUs: number): Promise<boolean> => {
    const delayMs = Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** attempt);
    if (stopping.aborted || clock.monotonicUs() + delayMs * 1000 >= untilUs) return false;
    await clock.sleep(delayMs, stopping).catch(() => undefined);
    return !stopping.aborted;
  };
  return {
    pause,
    async repeat(statement, values, untilUs) {
      for (let attempt = 0; ; attempt += 1) {
        const answer = await pool.run(statement, values);
        if (answer.ok) return answer.rows;
        const { failure } = answer;
        if (failure.kind === 'final') throw failure.error;
        if (!(await pause(attempt, untilUs))) throw unavailable(failure.error);
      }
    },
  };
}
