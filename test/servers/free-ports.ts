import { createServer, type Server } from 'node:net';

/** So many free ports of 127.0.0.1, all different. Another process may take one before it is used: who needs it then starts again. */
export async function freePorts(count: number): Promise<number[]> {
  const probes: Server[] = [];
  try {
    const ports: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const probe = createServer();
      probes.push(probe);
      ports.push(
        await new Promise<number>((resolve, reject) => {
          probe.once('error', reject);
          probe.listen(0, '127.0.0.1', () => resolve((probe.address() as { port: number }).port));
        }),
      );
    }
    return ports;
  } finally {
    await Promise.all(
      probes.map(
        (probe) =>
          new Promise<void>((resolve) => {
            probe.close(() => resolve());
          }),
      ),
    );
  }
}
