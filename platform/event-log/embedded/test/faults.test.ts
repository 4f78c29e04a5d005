import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createManualClock, createSeededRandom } from '../../../clock/manual-clock.ts';
import { createSimulatedDisk } from '../../../disk/simulated-disk.ts';
import type { LogRecord } from '../../event-log.ts';
import { encodeFrames } from '../../frame.ts';
import { collect, makeTopic, readAll, record, startConsumer, text } from '../../test/support.ts';
import type { EventLogConfig } from '../../../../schemas/config/event-log.ts';
import { openEmbedded } from './harness.ts';

function openSimulated(seed: number, config: Partial<EventLogConfig> = {}) {
  const clock = createManualClock();
  const disk = createSimulatedDisk({ clock, random: createSeededRandom(seed) });
  return { disk, clock, harness: openEmbedded(config, { disk, clock }) };
}
const PARTITION = '/log/topics/things/0';
const lines = (from: number, to: number, bytes = 100) =>
  Array.from({ length: to - from }, (_, index) => record('k', `${from + index}`.padEnd(bytes)));
const values = (records: readonly LogRecord[]) => records.map((one) => Number(text(one)));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

describe('embedded event log: damage on the disk', () => {
  it('cuts off a torn tail, wherever it is torn, and goes on at the next offset', async () => {
    const { disk, harness } = openSimulated(1);
    await makeTopic(harness.log, 'things');
    await (await harness.log.writer('w')).append('things', lines(0, 10));
    const path = join(PARTITION, disk.list(PARTITION)[0]!);
    const whole = disk.open(path).size();
    const frame = encodeFrames(
      [{ offset: 10, timestamp: 1, ...record('k', 'torn'), value: Buffer.alloc(40), headers: {} }],
      0,
    );
    for (let length = 1; length < frame.bytes.length; length += 1) {
      disk.crash('kill');
      disk.open(path).append(frame.bytes.subarray(0, length));
      const log = harness.open();
      assert.equal(disk.open(path).size(), whole);
      assert.deepEqual(await log.endOffsets('things'), [10]);
    }
    const [position] = await (await harness.log.writer('w')).append('things', lines(10, 11));
    assert.equal(position!.offset, 10);
    assert.deepEqual(values(await readAll(harness.log, 'things')), range(0, 11));
    assert.equal(harness.corrupt.length, 0);
  });

  it('isolates damage in a closed segment: tells once, readers and consumers go on behind it', async () => {
    const { disk, harness } = openSimulated(1, { tailBytesMax: 0 });
    await makeTopic(harness.log, 'things');
    const writer = await harness.log.writer('w');
    for (let n = 0; n < 1000; n += 10) await writer.append('things', lines(n, n + 10));
    const names = disk.list(PARTITION);
    assert.ok(names.length >= 4);
    const base = Number(names[1]!.slice(0, 16));
    disk.corrupt(join(PARTITION, names[1]!), 2000);
    const found = values(await readAll(harness.log, 'things'));
    assert.equal(found.length, 999);
    const missing = range(0, 1000).filter((n) => !found.includes(n));
    assert.ok(missing[0]! > base && missing[0]! < base + 30);
    const { consumer, seen } = await startConsumer(harness.log, { topics: ['things'] });
    await seen.count(999);
    assert.deepEqual(values(seen.items), found);
    await consumer.close();
    assert.equal(harness.corrupt.length, 1);
    const { code, details } = harness.corrupt[0]!;
    assert.equal(code, 'EVENT_LOG_CORRUPT');
    assert.deepEqual(
      [details['topic'], details['partition'], details['fromOffset'], details['toOffset']],
      ['things', '0', missing[0], missing[0]],
    );
  });

  it('isolates damage in the active segment over a restart, and loses nothing behind it', async () => {
    const { disk, harness } = openSimulated(1);
    await makeTopic(harness.log, 'things');
    await (await harness.log.writer('w')).append('things', lines(0, 20));
    disk.crash('kill');
    disk.corrupt(join(PARTITION, disk.list(PARTITION)[0]!), 300);
    const log = harness.open();
    await (await log.writer('w')).append('things', lines(20, 22));
    const found = values(await readAll(log, 'things'));
    assert.deepEqual(
      found,
      range(0, 22).filter((n) => n !== 2),
    );
    assert.equal(harness.corrupt.length, 1);
  });

  it('never takes a part of a record for a record of its own', async () => {
    const { disk, harness } = openSimulated(1, { tailBytesMax: 0 });
    await makeTopic(harness.log, 'things');
    const forged = encodeFrames(
      [{ offset: 1, timestamp: 1, ...record('k', 'forged'), value: Buffer.from('9999'), headers: {} }],
      0,
    ).bytes;
    const writer = await harness.log.writer('w');
    await writer.append('things', [{ key: 'k', value: Buffer.concat([Buffer.alloc(100), forged, forged]) }]);
    await writer.append('things', lines(1, 3));
    disk.crash('kill');
    disk.corrupt(join(PARTITION, disk.list(PARTITION)[0]!), 50);
    assert.deepEqual(values(await readAll(harness.open(), 'things')), [1, 2]);
  });

  it('refuses a folder of another format, or one whose log.json is gone', async () => {
    const { disk, harness } = openSimulated(1);
    await makeTopic(harness.log, 'things');
    disk.crash('kill');
    disk.remove('/log/log.json');
    assert.throws(() => harness.open(), { code: 'EVENT_LOG_FORMAT' });
    disk.open('/log/log.json').append(Buffer.from('{"format":99,"salt":1}'));
    assert.throws(() => harness.open(), { code: 'EVENT_LOG_FORMAT' });
  });
});

describe('embedded event log: full and failing disks', () => {
  it('full: says so, adds nothing, and takes appends again when there is room', async () => {
    const { disk, harness } = openSimulated(1);
    await makeTopic(harness.log, 'things');
    const writer = await harness.log.writer('w');
    await writer.append('things', lines(0, 5));
    disk.setCapacity(disk.usedBytes() + 100);
    await assert.rejects(writer.append('things', lines(5, 6, 500)), { code: 'EVENT_LOG_FULL' });
    assert.deepEqual(values(await readAll(harness.log, 'things')), range(0, 5));
    disk.setCapacity(1 << 20);
    await writer.append('things', lines(5, 7));
    assert.deepEqual(values(await readAll(harness.log, 'things')), range(0, 7));
    disk.crash('kill');
    assert.deepEqual(values(await readAll(harness.open(), 'things')), range(0, 7));
  });

  it('full: consumers go on, their commits are written when there is room', async () => {
    const { disk, harness } = openSimulated(1);
    await makeTopic(harness.log, 'things');
    const writer = await harness.log.writer('w');
    await writer.append('things', lines(0, 5));
    disk.setCapacity(disk.usedBytes());
    const { seen, failures } = await startConsumer(harness.log, { topics: ['things'], batchRecordsMax: 1 });
    await seen.count(5);
    disk.setCapacity(1 << 20);
    await writer.append('things', lines(5, 6));
    await seen.count(6);
    await harness.reopen();
    const again = await startConsumer(harness.log, { topics: ['things'] });
    assert.equal(await again.consumer.lag(), 0);
    assert.equal(failures.items.length, 0);
    await harness.end();
  });

  it('full: says so for new topics and writers too', async () => {
    const { disk, harness } = openSimulated(1);
    disk.setCapacity(disk.usedBytes());
    await assert.rejects(makeTopic(harness.log, 'things'), { code: 'EVENT_LOG_FULL' });
    await assert.rejects(harness.log.writer('w'), { code: 'EVENT_LOG_FULL' });
    disk.setCapacity(1 << 20);
    await makeTopic(harness.log, 'things');
    await (await harness.log.writer('w')).append('things', lines(0, 1));
    assert.equal((await readAll(harness.log, 'things')).length, 1);
  });

  it('a failed flush refuses the records, and the partition, until the log is opened again', async () => {
    const { disk, harness } = openSimulated(1, { flush: 'power' });
    await makeTopic(harness.log, 'things');
    const writer = await harness.log.writer('w');
    await writer.append('things', lines(0, 5));
    disk.failFlushes(1);
    const failed = { code: 'EVENT_LOG_DISK_FAILED' };
    await assert.rejects(writer.append('things', lines(5, 6)), failed);
    await assert.rejects(writer.append('things', lines(6, 7)), failed);
    assert.deepEqual(values(await readAll(harness.log, 'things')), range(0, 5));
  });
});

describe('embedded event log: power cuts', () => {
  it('flush: power keeps all that was acknowledged, the order, the fencing and the commits', async () => {
    let unacknowledged = 0;
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = createSeededRandom(seed);
      const { disk, harness } = openSimulated(seed, { flush: 'power', segmentBytesMax: 8192 });
      await makeTopic(harness.log, 'things');
      let sent = 0;
      let acknowledged = 0;
      let committed = 0;
      for (let round = 0; round < 3; round += 1) {
        const writer = await harness.log.writer('w');
        const seen = collect<LogRecord>();
        await startConsumer(harness.log, {
          topics: ['things'],
          commit: 'manual',
          async onBatch(records, control) {
            seen.add(...records);
            const last = records.at(-1)!;
            await control.commit(last);
            committed = last.offset + 1;
          },
        });
        const batches = 5 + Math.floor(random.float() * 20);
        for (let batch = 0; batch < batches; batch += 1) {
          const size = 1 + Math.floor(random.float() * 10);
          const mine = sent + size;
          const appending = writer.append('things', lines(sent, mine));
          sent = mine;
          if (batch < batches - 1 && random.float() < 0.7) await appending;
          void appending.then(
            () => {
              acknowledged = Math.max(acknowledged, mine);
            },
            () => undefined,
          );
        }
        for (let turn = Math.floor(random.float() * 8); turn > 0; turn -= 1) await Promise.resolve();
        disk.crash('power');
        const atCrash = acknowledged;
        const log = harness.open();
        const found = values(await readAll(log, 'things'));
        assert.ok(found.length >= atCrash, `seed ${seed}: ${found.length} of ${atCrash}`);
        assert.deepEqual(found, range(0, found.length));
        if (found.length < sent) unacknowledged += 1;
        const next = await startConsumer(log, { topics: ['things'], commit: 'manual' });
        assert.ok((await next.consumer.lag()) <= found.length - Math.min(committed, found.length));
        await next.consumer.close();
        sent = found.length;
        acknowledged = found.length;
      }
      assert.equal(harness.corrupt.length, 0);
    }
    assert.ok(unacknowledged > 10);
  });

  it('compaction loses no key, wherever it is cut off', async () => {
    let interrupted = 0;
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = createSeededRandom(seed);
      const { disk, harness } = openSimulated(seed, { flush: 'power' });
      await makeTopic(harness.log, 'things', 1, 'compact');
      const newest = new Map<string, string>();
      const writer = await harness.log.writer('w');
      for (let n = 0; n < 120; n += 1) {
        const key = `k${Math.floor(random.float() * 12)}`;
        const value = `${n}`.padEnd(1000);
        newest.set(key, value);
        await writer.append('things', [record(key, value)]);
      }
      const before = disk.usedBytes();
      const done = harness.log.maintain().then(() => 'done');
      const turns = Math.floor(random.float() * 400);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      const state = await Promise.race([done, Promise.resolve('running')]);
      if (state === 'running') interrupted += 1;
      disk.crash(random.float() < 0.5 ? 'kill' : 'power');
      const log = harness.open();
      const found = await readAll(log, 'things');
      assert.deepEqual(new Map(found.map((one) => [one.key, text(one)])), newest, `seed ${seed}`);
      assert.deepEqual(await log.endOffsets('things'), [120]);
      await log.maintain();
      const after = await readAll(log, 'things');
      assert.deepEqual(new Map(after.map((one) => [one.key, text(one)])), newest, `seed ${seed}, later`);
      assert.ok(disk.usedBytes() < before * 0.7);
      assert.ok(after.length < 40);
      assert.equal(harness.corrupt.length, 0);
    }
    assert.ok(interrupted > 10 && interrupted < 60, `${interrupted} interrupted`);
  });
});
