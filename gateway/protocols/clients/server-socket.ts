/** Where clients of a protocol connect: how it begins to listen, and how it ends with clients on it. */
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Clock } from '../../../platform/clock/clock.ts';

export interface ServerSocket {
  /** Where it listens. Rejects with the socket's own error. */
  start(): Promise<{ readonly host: string; readonly port: number }>;
  /** Takes nobody any more, and ends who is there after `graceMs`. Resolves when all are gone. */
  stop(graceMs: number): Promise<void>;
}

const BACKLOG = 1024;
/** For what a relay says to its client at the end, milliseconds. */
const FAREWELL_MS = 100;

/** `sockets` and `relays` are kept by whoever serves them. */
export function createServerSocket(
  clock: Clock,
  config: { readonly host: string; readonly port: number },
  server: Server,
  clients: {
    readonly sockets: { keys(): Iterable<Socket> };
    readonly relays: Iterable<{ shutDown(): void }>;
  },
): ServerSocket {
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: config.host, port: config.port, backlog: BACKLOG }, () => {
          server.off('error', reject);
          const { address, port } = server.address() as AddressInfo;
          resolve({ host: address, port });
        });
      }),
    async stop(graceMs) {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      const grace = clock.after(graceMs, () => {
        for (const relay of clients.relays) relay.shutDown();
        // Whoever has not logged in is not waited for.
        const hurry = clock.after(FAREWELL_MS, () => {
          for (const socket of clients.sockets.keys()) socket.destroy();
        });
        const calm = (): void => hurry.cancel();
        closed.then(calm, calm);
      });
      await closed;
      grace.cancel();
    },
  };
}
