/** A way to the server that can be cut at the worst moment. Plain text, so that it sees which statement passes. */
import { connect, createServer, type Socket } from 'node:net';

/** What happens to the next commit that passes: it arrives and its answer does not; it never arrives; it arrives after the cut. */
export type CutAt = 'answer' | 'request' | 'request-late';

export interface FaultyLink {
  readonly port: number;
  /** Resolves when it has happened. */
  cutAt(cut: CutAt): Promise<void>;
  /** Takes no connections, and ends those there are. */
  setAway(away: boolean): void;
  /** Connections there are pass nothing on any more, and nobody is told; new ones work. */
  swallow(): void;
  /** Lets what was held back arrive. */
  deliver(): void;
  close(): Promise<void>;
}

export async function createFaultyLink(target: {
  readonly host: string;
  readonly port: number;
}): Promise<FaultyLink> {
  const open = new Set<Socket>();
  let armed: CutAt | undefined;
  let happened: () => void = () => undefined;
  let away = false;
  let swallowed = 0;
  let held: (() => void) | undefined;
  const server = createServer((client) => {
    if (away) {
      client.destroy();
      return;
    }
    const upstream = connect(target);
    let silent = false;
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => open.delete(socket));
    }
    const swallowedAt = swallowed;
    client.on('data', (bytes) => {
      if (swallowed !== swallowedAt) return;
      if (armed === undefined || !bytes.includes('countersign_1_commit')) {
        upstream.write(bytes);
        return;
      }
      const cut = armed;
      armed = undefined;
      silent = true;
      if (cut === 'answer') upstream.write(bytes);
      else client.destroy();
      if (cut === 'request') upstream.destroy();
      if (cut === 'request-late') held = () => void upstream.write(bytes);
      happened();
    });
    upstream.on('data', (bytes) => {
      if (!silent) client.write(bytes);
      else client.destroy();
    });
    client.on('close', () => {
      if (!silent) upstream.destroy();
    });
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    cutAt: (cut) =>
      new Promise((resolve) => {
        armed = cut;
        happened = resolve;
      }),
    setAway(now) {
      away = now;
      if (away) for (const socket of open) socket.destroy();
    },
    swallow: () => {
      swallowed += 1;
    },
    deliver: () => held?.(),
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
