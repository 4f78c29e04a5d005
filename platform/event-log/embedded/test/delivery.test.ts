import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock, createSeededRandom } from '../../../clock/manual-clock.ts';
import { createSimulatedDisk } from '../../../disk/simulated-disk.ts';
import { makeTopic, record, startConsumer, text, until } from '../../test/support.ts';
import { openEmbedded } from './harness.ts';

function open(config: Parameters<typeof openEmbedded>[0] = {}) {
  const clock = createManualClock();
  const disk = createSimulatedDisk({ clock, random: createSeededRandom(1) });
  return { clock, harness: openEmbedded(config, { clock, disk }) };
}

describe('embedded event log: delivery', () => {
  it('crosses three topics without a timer or a turn of the event loop', async () => {
    const { clock, harness } = open();
    const { log } = harness;
    for (const topic of ['a', 'b', 'c']) await makeTopic(log, topic);
    const writer = await log.writer('w');
    const forward = (from: string, to: string) =>
      startConsumer(log, {
        topics: [from],
        group: from,
        async onBatch(records) {
          await writer.append(
            to,
            records.map(({ key, value }) => ({ key, value })),
          );
        },
      });
    await forward('a', 'b');
    await forward('b', 'c');
    const last = await startConsumer(log, { topics: ['c'], group: 'c' });
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    const began = clock.elapsedMs();
    await writer.append('a', [record('k', 'through')]);
    for (let step = 0; step < 100 && last.seen.items.length === 0; step += 1) await Promise.resolve();
    assert.deepEqual(last.seen.items.map(text), ['through']);
    assert.equal(turned, false);
    assert.equal(clock.elapsedMs(), began);
    await harness.end();
  });

  it('delivers a long backlog of single records while the clock stands still', async () => {
    const { clock, harness } = open();
    await makeTopic(harness.log, 'a');
    const { consumer, seen } = await startConsumer(harness.log, { topics: ['a'], batchRecordsMax: 1 });
    clock.advance(1000);
    const writer = await harness.log.writer('w');
    await writer.append(
      'a',
      Array.from({ length: 1000 }, (_, n) => record('k', `${n}`)),
    );
    await seen.count(1000);
    await consumer.close();
    await harness.end();
  });

  it('has no timer but the one of its maintenance, and none after close', async () => {
    const { clock, harness } = open();
    await makeTopic(harness.log, 'a');
    await startConsumer(harness.log, { topics: ['a'] });
    assert.equal(clock.nextTimerMs(), 30_000);
    await harness.log.close();
    assert.equal(clock.nextTimerMs(), undefined);
  });

  it('goes on reading while compaction replaces the segments under it', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const random = createSeededRandom(seed);
      const { harness } = open({ tailBytesMax: 0, readBytesMax: 4096 });
      await makeTopic(harness.log, 'state', 1, 'compact');
      const writer = await harness.log.writer('w');
      const newest = new Map<string, string>();
      for (let n = 0; n < 300; n += 1) {
        const key = `k${Math.floor(random.float() * 30)}`;
        const value = `${n}`.padEnd(700);
        newest.set(key, value);
        await writer.append('state', [record(key, value)]);
      }
      const views = await Promise.all(
        Array.from({ length: 8 }, async () => {
          const view = new Map<string | null, string | null>();
          const reader = await harness.log.read({
            topic: 'state',
            async onRecords(records) {
              for (const one of records) view.set(one.key, text(one));
              for (let turn = random.float() * 20; turn > 0; turn -= 1) await Promise.resolve();
            },
            onFailure: assert.ifError,
          });
          return { view, reader };
        }),
      );
      await harness.log.maintain();
      for (const { view, reader } of views) {
        await reader.caughtUp();
        assert.deepEqual(view, newest);
      }
      await harness.end();
    }
  });

  it('reads for a slow consumer from the disk, in bounded pieces', async () => {
    const { harness } = open({ tailBytesMax: 4096, readBytesMax: 8192 });
    await makeTopic(harness.log, 'a');
    const writer = await harness.log.writer('w');
    let largest = 0;
    const { consumer, seen } = await startConsumer(harness.log, {
      topics: ['a'],
      batchRecordsMax: 10_000,
      async onBatch(records) {
        largest = Math.max(
          largest,
          records.reduce((sum, one) => sum + one.value!.byteLength, 0),
        );
        seen2.push(...records.map(text));
      },
    });
    const seen2: (string | null)[] = [];
    for (let n = 0; n < 500; n += 1) void (await writer.append('a', [record('k', `${n}`.padEnd(500))]));
    await until(() => seen2.length === 500);
    assert.equal(seen.items.length, 0);
    assert.ok(largest <= 8192);
    assert.deepEqual(
      seen2.map(Number),
      Array.from({ length: 500 }, (_, n) => n),
    );
    await consumer.close();
    await harness.end();
  });
});
