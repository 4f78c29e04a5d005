/** Connections that statements share: each runs as a transaction of its own, so a connection is held for one statement only. */
import { controlStoreError } from '../errors.ts';
import type { Connection } from './connect.ts';
import { failureOf, type Failure } from './failures.ts';
import type { Row, Statement } from './statement.ts';

export type Answer =
  | { readonly ok: true; readonly rows: Row[] }
  /** `sent`: the server may have got it. */
  | { readonly ok: false; readonly sent: boolean; readonly failure: Failure };

export interface ConnectionPool {
  run(statement: Statement, values: readonly unknown[]): Promise<Answer>;
  close(): Promise<void>;
}

interface Waiter {
  readonly resolve: (connection: Connection | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export interface PoolOptions {
  readonly connectionsMax: number;
  readonly callsWaitingMax: number;
  /** A connection was lost. */
  readonly onLost: () => void;
}

export function createConnectionPool(
  connect: () => Promise<Connection>,
  { connectionsMax, callsWaitingMax, onLost }: PoolOptions,
): ConnectionPool {
  const idle: Connection[] = [];
  const waiting: Waiter[] = [];
  const all = new Set<Connection>();
  let connecting = 0;
  let closed = false;

  const closedError = () => controlStoreError('CONTROL_STORE_UNAVAILABLE', { reason: 'it has been closed' });
  const open = async (): Promise<Connection> => {
    connecting += 1;
    try {
      const connection = await connect();
      if (closed) {
        connection.destroy();
        throw closedError();
      }
      all.add(connection);
      connection.onEnd(() => {
        all.delete(connection);
        const at = idle.indexOf(connection);
        if (at >= 0) idle.splice(at, 1);
        if (!closed) onLost();
        // There is room for another one now.
        waiting.shift()?.resolve(undefined);
      });
      return connection;
    } catch (error) {
      waiting.shift()?.resolve(undefined);
      throw error;
    } finally {
      connecting -= 1;
    }
  };
  const acquire = async (): Promise<Connection> => {
    for (;;) {
      if (closed) throw closedError();
      const connection = idle.pop();
      if (connection !== undefined) return connection;
      if (all.size + connecting < connectionsMax) return open();
      if (waiting.length >= callsWaitingMax)
        throw controlStoreError('CONTROL_STORE_BUSY', { max: callsWaitingMax });
      const given = await new Promise<Connection | undefined>((resolve, reject) => {
        waiting.push({ resolve, reject });
      });
      if (given !== undefined) return given;
    }
  };
  const release = (connection: Connection): void => {
    if (!connection.isOpen()) return;
    if (closed) {
      connection.destroy();
      return;
    }
    const waiter = waiting.shift();
    if (waiter === undefined) idle.push(connection);
    else waiter.resolve(connection);
  };

  return {
    async run(statement, values) {
      let connection: Connection;
      try {
        connection = await acquire();
      } catch (error) {
        return { ok: false, sent: false, failure: failureOf(error) };
      }
      try {
        return { ok: true, rows: await connection.query(statement, values) };
      } catch (error) {
        const failure = failureOf(error);
        // The others lead to the same server: those that nobody uses are not worth finding out one by one.
        if (failure.kind === 'lost') for (const other of idle.splice(0)) other.destroy();
        return { ok: false, sent: true, failure };
      } finally {
        release(connection);
      }
    },
    async close() {
      closed = true;
      for (const waiter of waiting.splice(0)) waiter.reject(closedError());
      await Promise.all([...all].map((connection) => connection.end()));
    },
  };
}
