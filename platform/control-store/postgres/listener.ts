/** Hears of other processes' publications at once (LISTEN), on a connection of its own; connects anew when it is lost. */
import type { Clock } from '../../clock/clock.ts';
import type { Logger } from '../../log/log.ts';
import type { Connection } from './connect.ts';
import { channelOf } from './layout.ts';

const RETRY_MS = 500;
/** A connection that only listens would not notice that the way to the server is cut. */
const PROBE_MS = 10_000;

/** Listens when it resolves. */
export async function createListener(
  deps: { readonly clock: Clock; readonly log: Logger; readonly connect: () => Promise<Connection> },
  schema: string,
  heard: () => void,
): Promise<{ close(): Promise<void> }> {
  const { clock, log, connect } = deps;
  const stopping = new AbortController();

  const listen = async (): Promise<Connection> => {
    const connection = await connect();
    connection.onNotification(heard);
    await connection.script(`listen "${channelOf(schema)}"`);
    return connection;
  };
  let connection: Connection | undefined = await listen();
  const probe = clock.every(PROBE_MS, () => {
    connection?.script('select 1').catch(() => undefined);
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
