import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import type { Disk } from '../../../platform/disk/disk.ts';
import { createSimulatedDisk } from '../../../platform/disk/simulated-disk.ts';
import type { LogWriter } from '../../../platform/event-log/event-log.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { quietMetrics } from '../../../test/support/quiet-metrics.ts';
import { createDrain } from '../drain.ts';
import { createSpool } from '../spool.ts';

test('a disk that fails while the spool is read back is tried again, and then the log gets everything', async () => {
  const clock = createManualClock();
  const disk = createSimulatedDisk({ clock, random: createSeededRandom(1) });
  let failures = 0;
  /** Reading fails as often as `failures` says. */
  const failing: Disk = {
    ...disk,
    open(path) {
      const file = disk.open(path);
      return {
        ...file,
        readSync(position, length) {
          if (failures > 0) {
            failures -= 1;
            throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
          }
          return file.readSync(position, length);
        },
      };
    },
  };
  const config = {
    durability: 'process',
    spoolFolder: '/s',
    spoolBytesMax: 1e6,
    spoolSegmentBytes: 1e5,
  } as const;
  const deps = { clock, log: silentLogger, metrics: quietMetrics };
  const before = createSpool({ ...deps, disk }, config);
  for (const text of ['a', 'b', 'c'])
    assert.ok(before.append({ topic: 'events', key: 'k', value: Buffer.from(text) }).ok);
  const spool = createSpool({ ...deps, disk: failing }, config);
  failures = 2;
  const got: string[] = [];
  const writer: LogWriter = {
    append(topic, records) {
      for (const { value } of records) got.push(Buffer.from(value!).toString());
      return Promise.resolve(records.map((_, offset) => ({ topic, partition: 0, offset })));
    },
    close: () => Promise.resolve(),
  };
  const drain = createDrain({ ...deps, spool, writer, onRoundTrip: () => undefined });
  drain.start();
  for (let passed = 0; got.length < 3 && passed < 5000; passed += 10) {
    clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(failures, 0);
  assert.deepEqual(got, ['a', 'b', 'c']);
  await drain.stop();
});
