/** Appends to a log as fast as it can and prints the id of each record once acknowledged, until it is killed. */
import { writeSync } from 'node:fs';
import { createSystemClock, createSystemRandom } from '../../../clock/system-clock.ts';
import { createNodeDisk } from '../../../disk/node-disk.ts';
import { silentLogger } from '../../../log/pino-logger.ts';
import { createPromMetrics } from '../../../metrics/prom-metrics.ts';
import { createEmbeddedEventLog } from '../embedded-event-log.ts';
import { testConfig } from './harness.ts';

const [folder, round] = process.argv.slice(2) as [string, string];
const random = createSystemRandom();
const log = createEmbeddedEventLog(
  {
    disk: createNodeDisk(),
    clock: createSystemClock(),
    random,
    log: silentLogger,
    metrics: createPromMetrics(),
  },
  { ...testConfig, folder, segmentBytesMax: 256 * 1024 },
);
const writer = await log.writer('load');
for (let sequence = 0; sequence < 1_000_000;) {
  const ids = Array.from(
    { length: 1 + Math.floor(random.float() * 20) },
    (_, index) => `${round}-${String(sequence + index).padStart(7, '0')}`,
  );
  sequence += ids.length;
  await writer.append(
    'load',
    ids.map((id) => ({
      key: `key ${random.float()}`,
      value: Buffer.from(`${id} `.padEnd(20 + random.float() * 600)),
    })),
  );
  writeSync(1, `${ids.join('\n')}\n`);
}
