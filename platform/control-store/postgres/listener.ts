/**
 * Hears of other processes' publications at once (LISTEN), on a connection of its own; connects anew when it is lost. That connection also
 * holds an advisory lock: where the process dies its sockets close, and the others see the lock free at once.
 */
import { sha256 } from '../../digest/sha256.ts';
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Connection } from './connect.ts';
import { channelOf } from './layout.ts';
import type { Statement } from './statement.ts';

const RETRY_MS = 500;
const TAKE: Statement = { name: 'countersign_present', text: 'select pg_try_advisory_lock($1::bigint)' };
/** A connection that only listens would not notice that the way to the server is cut. */
const PROBE_MS = 10_000;

/** Key of the advisory lock that says that a process lives; its `id` is random. */
export const presenceKey = (id: string): string =>
  String(sha256(`countersign presence ${id}`).readBigInt64LE());

/** Listens when it resolves. */
export async function createListener(
  deps: { readonly clock: Clock; readonly log: Logger; readonly connect: () => Promise<Connection> },
  { schema, presence }: { readonly schema: string; readonly presence: string },
  heard: () => void,
): Promise<{ close(): Promise<void> }> {
  const { clock, log, connect } = deps;
  const stopping = new AbortController();
  const lock = presenceKey(presence);
  let isLocked = false;

  const listen = async (): Promise<Connection> => {
    const connection = await connect();
    connection.onNotification(heard);
    await connection.script(`listen "${channelOf(schema)}"`);
    isLocked = false;
    await takeLock(connection);
    return connection;
  };
  /** Not waited for: the server may still hold it for a connection that was cut, until it misses it. */
  const takeLock = async (connection: Connection): Promise<void> => {
    const [row] = await connection.query(TAKE, [lock]);
    isLocked = row?.[0] === true;
  };
  let connection: Connection | undefined = await listen();
  const probe = clock.every(PROBE_MS, () => {
    const current = connection;
    if (current === undefined) return;
    const probing = isLocked ? current.script('select 1') : takeLock(current);
    probing.catch(() => undefined);
  });
  const keep = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const current = connection;
      if (current?.isOpen() === true) await new Promise<void>((resolve) => current.onEnd(resolve));
      await clock.sleep(RETRY_MS, stopping.signal).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        connection = await listen();
        // What was published while nobody listened.
        heard();
      } catch (error) {
        connection = undefined;
        log.warn({ error }, 'the control store cannot tell of changes; they are looked for meanwhile');
      }
    }
  };
  const running = keep();
  return {
    async close() {
      stopping.abort();
      probe.cancel();
      connection?.destroy();
      await running;
      connection?.destroy();
    },
  };
}
