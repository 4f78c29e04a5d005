import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { createSimulatedDisk, type SimulatedDisk } from '../../../platform/disk/simulated-disk.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { quietMetrics } from '../../../test/support/quiet-metrics.ts';
import { createSpool, type SpoolConfig } from '../spool.ts';

const config: SpoolConfig = {
  durability: 'process',
  spoolFolder: '/spool',
  spoolBytesMax: 100_000,
  spoolSegmentBytes: 4096,
};
const clock = createManualClock();
const newDisk = (): SimulatedDisk => createSimulatedDisk({ clock, random: createSeededRandom(1) });
const open = (disk: SimulatedDisk, extra: Partial<SpoolConfig> = {}) =>
  createSpool({ disk, clock, log: silentLogger, metrics: quietMetrics }, { ...config, ...extra });
const entry = (n: number) => ({
  topic: 'events' as const,
  key: `k${n % 3}`,
  value: Buffer.from(`event ${n} `.repeat(10)),
});
const drainAll = (spool: ReturnType<typeof open>, seen: string[], recordsMax = 7): void => {
  for (;;) {
    const batch = spool.take(recordsMax, 1_000_000);
    if (batch.length === 0) return;
    seen.push(...batch.map((pending) => pending.entry.value.toString()));
    spool.drained(
      batch,
      batch.map((_, index) => ({ partition: 0, offset: index })),
    );
  }
};
const expected = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => entry(from + index).value.toString());

test('a killed process loses nothing appended, and the next one sends what was not drained, in order', () => {
  const disk = newDisk();
  const first = open(disk);
  for (let n = 0; n < 200; n += 1) assert.ok(first.append(entry(n)).ok);
  const batch = first.take(50, 1_000_000);
  first.drained(
    batch,
    batch.map((_, index) => ({ partition: 0, offset: index })),
  );
  disk.crash('kill');
  const second = open(disk);
  for (let n = 200; n < 220; n += 1) assert.ok(second.append(entry(n)).ok);
  const seen: string[] = [];
  drainAll(second, seen);
  assert.deepEqual(seen, expected(50, 220));
  assert.equal(second.pendingBytes(), 0);
  assert.equal(
    disk.list('/spool').filter((name) => name.endsWith('.seg')).length,
    1,
    'drained files are gone',
  );
});

test('a torn last entry is cut off and what stands before it is sent', () => {
  const disk = newDisk();
  const first = open(disk);
  for (let n = 0; n < 3; n += 1) first.append(entry(n));
  const name = disk.list('/spool').find((file) => file.endsWith('.seg'))!;
  const file = disk.open(`/spool/${name}`);
  file.truncate(file.size() - 5);
  disk.crash('kill');
  const seen: string[] = [];
  drainAll(open(disk), seen);
  assert.deepEqual(seen, expected(0, 2));
});

test('a damaged file in the middle is set aside, the others are sent', () => {
  const disk = newDisk();
  const first = open(disk);
  for (let n = 0; n < 100; n += 1) first.append(entry(n));
  const names = disk.list('/spool').filter((file) => file.endsWith('.seg'));
  assert.ok(names.length > 2);
  disk.corrupt(`/spool/${names[1]!}`, 20);
  disk.crash('kill');
  const seen: string[] = [];
  drainAll(open(disk), seen);
  assert.ok(seen.length > 50 && seen.length < 100);
  assert.equal(seen.at(-1), entry(99).value.toString());
  assert.ok(disk.list('/spool').some((file) => file.endsWith('.corrupt')));
});

test('past its bound it refuses, essential events have a reserve, and draining makes room', () => {
  const disk = newDisk();
  const spool = open(disk, { spoolBytesMax: 5000 });
  let taken = 0;
  while (spool.append(entry(taken)).ok) taken += 1;
  const refused = spool.append(entry(taken));
  assert.ok(!refused.ok && refused.error.code === 'SPOOL_FULL');
  assert.ok(spool.append(entry(taken), { essential: true }).ok);
  drainAll(spool, []);
  assert.ok(spool.append(entry(0)).ok);
});

test('a full disk refuses like a full spool and loses nothing', () => {
  const disk = newDisk();
  const spool = open(disk);
  for (let n = 0; n < 10; n += 1) spool.append(entry(n));
  disk.setCapacity(disk.usedBytes() + 10);
  const refused = spool.append(entry(10));
  assert.ok(!refused.ok && refused.error.code === 'SPOOL_FULL');
  disk.setCapacity(1_000_000);
  assert.ok(spool.append(entry(10)).ok);
  const seen: string[] = [];
  drainAll(spool, seen);
  assert.deepEqual(seen, expected(0, 11));
});

test('durability power: the promise means that a power cut loses nothing', async () => {
  const disk = newDisk();
  const spool = open(disk, { durability: 'power' });
  const waiting = [];
  for (let n = 0; n < 60; n += 1) {
    const appended = spool.append(entry(n));
    assert.ok(appended.ok && appended.durable !== undefined);
    waiting.push(appended.durable);
  }
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set([undefined]));
  disk.crash('power');
  const seen: string[] = [];
  drainAll(open(disk), seen);
  assert.deepEqual(seen, expected(0, 60));
});

test('whoever waits learns the position of each event, also of those read back', () => {
  const disk = newDisk();
  const before = open(disk);
  for (let n = 0; n < 5; n += 1) before.append(entry(n));
  disk.crash('kill');
  const spool = open(disk);
  const got: number[] = [];
  for (let n = 0; n < 5; n += 1) spool.append(entry(n), { onDrained: ({ offset }) => got.push(offset) });
  const batch = spool.take(100, 1_000_000);
  assert.equal(batch.length, 10);
  spool.drained(
    batch,
    batch.map((_, index) => ({ partition: 1, offset: 100 + index })),
  );
  assert.deepEqual(got, [105, 106, 107, 108, 109]);
});

test('durability async writes within its buffer time', () => {
  const disk = newDisk();
  const spool = open(disk, { durability: 'async' });
  spool.append(entry(1));
  assert.equal(disk.usedBytes(), 0);
  clock.advance(20);
  assert.ok(disk.usedBytes() > 0);
});

test('durability async: what the log was given is in the files, so that nothing after a kill contradicts it', () => {
  const disk = newDisk();
  const spool = open(disk, { durability: 'async' });
  for (let n = 0; n < 3; n += 1) spool.append(entry(n));
  const taken = spool.take(100, 1_000_000).map((pending) => pending.entry.value.toString());
  assert.equal(taken.length, 3);
  disk.crash('kill');
  const kept: string[] = [];
  open(disk).scan(({ value }) => kept.push(value.toString()));
  assert.deepEqual(kept, taken);
});
