/** A process that writes to the store until it is killed; prints how many of its transactions were acknowledged. */
import { writeSync } from 'node:fs';
import type { PostgresStoreConfig } from '../../../../schemas/config/control-store-postgres.ts';
import { createSystemClock, createSystemRandom } from '../../../clock/system-clock.ts';
import { silentLogger } from '../../../log/pino-logger.ts';
import { createPromMetrics } from '../../../metrics/prom-metrics.ts';
import { createPostgresControlStore } from '../postgres-control-store.ts';

const [, , config, name = ''] = process.argv;
const store = await createPostgresControlStore(
  {
    clock: createSystemClock(),
    random: createSystemRandom(),
    log: silentLogger,
    metrics: createPromMetrics(),
    readSecret: () => Promise.resolve(process.env['PASSWORD']!),
  },
  JSON.parse(config!) as PostgresStoreConfig,
);
for (;;) {
  const n = await store.transact(async (tx) => {
    const [own, shared] = await Promise.all([
      tx.get<{ n: number }>('own', name),
      tx.get<{ n: number }>('shared', 'n'),
    ]);
    const next = (own?.value.n ?? 0) + 1;
    await tx.put('own', name, { n: next });
    await tx.put('shared', 'n', { n: (shared?.value.n ?? 0) + 1 });
    await tx.publish('topic', name, Buffer.from(String(tx.revision)));
    return next;
  });
  writeSync(1, `${n}\n`);
}
