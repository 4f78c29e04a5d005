/** A process that takes a turn and keeps it until it is killed; prints a line when it has it. */
import { writeSync } from 'node:fs';
import type { PostgresStoreConfig } from '../../../../schemas/config/control-store-postgres.ts';
import { createSystemClock, createSystemRandom } from '../../../clock/system-clock.ts';
import { silentLogger } from '../../../log/pino-logger.ts';
import { createPromMetrics } from '../../../metrics/prom-metrics.ts';
import { createTurn } from '../../turn.ts';
import { createPostgresControlStore } from '../postgres-control-store.ts';

const [, , config, name = ''] = process.argv;
const clock = createSystemClock();
const store = await createPostgresControlStore(
  {
    clock,
    random: createSystemRandom(),
    log: silentLogger,
    metrics: createPromMetrics(),
    readSecret: () => Promise.resolve(process.env['PASSWORD']!),
  },
  JSON.parse(config!) as PostgresStoreConfig,
);
const turn = createTurn(
  { store, clock, log: silentLogger },
  { name, holder: 'there', holdMs: 3_600_000, lookMs: 20 },
  (held) => writeSync(1, `${held}\n`),
);
turn.start();
