import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventLogConfig } from '../../../../schemas/config/event-log.ts';
import { createManualClock, createSeededRandom, type ManualClock } from '../../../clock/manual-clock.ts';
import type { Disk } from '../../../disk/disk.ts';
import type { SimulatedDisk } from '../../../disk/simulated-disk.ts';
import { createNodeDisk } from '../../../disk/node-disk.ts';
import type { CountersignError } from '../../../errors/errors.ts';
import { silentLogger } from '../../../log/pino-logger.ts';
import { createPromMetrics } from '../../../metrics/prom-metrics.ts';
import type { EventLogHarness } from '../../test/conformance.ts';
import { createEmbeddedEventLog, type EmbeddedEventLog } from '../embedded-event-log.ts';

export const testConfig: EventLogConfig = {
  folder: '/log',
  flush: 'process',
  segmentBytesMax: 32 * 1024,
  compactedSegmentBytesMax: 16 * 1024,
  recordBytesMax: 256 * 1024,
  tailBytesMax: 8 * 1024,
  readBytesMax: 8 * 1024,
  maintenancePeriodMs: 30_000,
  tombstoneRetentionMs: 24 * 60 * 60 * 1000,
  compactionKeysMax: 10_000,
  compactionDirtyRatio: 0.5,
};

export interface EmbeddedHarness extends EventLogHarness {
  log: EmbeddedEventLog;
  readonly clock: ManualClock;
  readonly disk: Disk;
  readonly folder: string;
  readonly corrupt: CountersignError[];
  /** Opens again without closing, as after a crash. */
  open(): EmbeddedEventLog;
}

/** An embedded log on a disk (by default in a folder of its own on the real one) with a clock that stands still. */
export function openEmbedded(
  given: Partial<EventLogConfig> = {},
  on?: { disk: SimulatedDisk; clock: ManualClock },
): EmbeddedHarness {
  const folder = on === undefined ? mkdtempSync(join(tmpdir(), 'countersign-log-')) : '/log';
  const disk = on?.disk ?? createNodeDisk();
  const clock = on?.clock ?? createManualClock();
  const config = { ...testConfig, ...given, folder };
  const corrupt: CountersignError[] = [];
  const open = (): EmbeddedEventLog =>
    createEmbeddedEventLog(
      {
        disk: on === undefined ? disk : on.disk.boot(),
        clock,
        random: createSeededRandom(7),
        log: silentLogger,
        metrics: createPromMetrics(),
        onCorrupt: (error) => corrupt.push(error),
      },
      config,
    );
  const harness: EmbeddedHarness = {
    log: open(),
    clock,
    disk,
    folder,
    corrupt,
    recordBytesMax: config.recordBytesMax,
    open() {
      harness.log = open();
      return harness.log;
    },
    async reopen() {
      await harness.log.close();
      return harness.open();
    },
    async upkeep(ms) {
      clock.advance(ms);
      await harness.log.maintain();
      await harness.log.maintain();
    },
    async end() {
      await harness.log.close();
      if (on === undefined) rmSync(folder, { recursive: true });
    },
  };
  return harness;
}
