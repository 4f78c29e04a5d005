import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { EventLogHarness, OpenEventLog } from './conformance.ts';
import { makeTopic, readAll, record, text, withLog } from './support.ts';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

export function upkeepCases(open: OpenEventLog): void {
  const test = (
    name: string,
    run: (harness: EventLogHarness & { upkeep: NonNullable<EventLogHarness['upkeep']> }) => Promise<void>,
  ): void => {
    it(name, (context) =>
      withLog(open, async (harness) => {
        if (harness.upkeep === undefined) {
          context.skip('this adapter cannot be made to do its upkeep now');
          return;
        }
        // The harness itself: `log` changes when it is opened again.
        await run(harness as typeof harness & { upkeep: NonNullable<EventLogHarness['upkeep']> });
      }),
    );
  };

  test('compaction keeps the last record of each key, at its offset, and drops old tombstones', async (harness) => {
    await makeTopic(harness.log, 'state', 1, 'compact');
    let writer = await harness.log.writer('w');
    const filler = 'x'.repeat(500);
    for (let round = 0; round < 40; round += 1)
      await writer.append(
        'state',
        Array.from({ length: 20 }, (_, key) => record(`k${key}`, `${round} ${filler}`)),
      );
    await writer.append('state', [record('k0', null), record('k1', 'last')]);
    // Enough behind it to close the segments that hold the above.
    for (let round = 0; round < 40; round += 1)
      await writer.append('state', [record(`pad ${round}`, 'y'.repeat(2000))]);
    const before = await readAll(harness.log, 'state');
    const ends = await harness.log.endOffsets('state');
    await harness.upkeep(HOUR_MS);
    const check = async (tombstone: boolean, fewer: number): Promise<void> => {
      const after = await readAll(harness.log, 'state');
      assert.ok(after.length <= fewer, `${after.length} records`);
      const newest = new Map(after.map((one) => [one.key, one]));
      assert.equal(newest.has('k0'), tombstone);
      if (tombstone) assert.equal(newest.get('k0')!.value, null);
      assert.equal(text(newest.get('k1')!), 'last');
      for (let key = 2; key < 20; key += 1) assert.equal(text(newest.get(`k${key}`)!), `39 ${filler}`);
      for (let pad = 0; pad < 40; pad += 1) assert.ok(newest.has(`pad ${pad}`));
      for (const one of after) {
        const same = before.find((other) => other.offset === one.offset);
        assert.ok(same !== undefined && same.key === one.key && text(same) === text(one));
      }
      assert.deepEqual(
        after.map((one) => one.offset),
        after.map((one) => one.offset).sort((a, b) => a - b),
      );
      assert.deepEqual(await harness.log.endOffsets('state'), ends);
    };
    await check(true, 200);
    await harness.reopen();
    await check(true, 200);
    writer = await harness.log.writer('w');
    for (let round = 0; round < 60; round += 1)
      await writer.append('state', [record('late', 'y'.repeat(2000))]);
    await harness.upkeep(3 * DAY_MS);
    const keys = (await readAll(harness.log, 'state')).map((one) => one.key);
    assert.ok(!keys.includes('k0'));
    assert.ok(keys.includes('k1') && keys.includes('late'));
  });

  test('retention by time removes old records, and offsets go on', async (harness) => {
    const { log } = harness;
    await log.ensureTopics([{ name: 'short', partitions: 1, cleanup: 'delete', retentionMs: HOUR_MS }]);
    const writer = await log.writer('w');
    await writer.append(
      'short',
      Array.from({ length: 10 }, (_, index) => record('k', `${index}`)),
    );
    await harness.upkeep(HOUR_MS / 2);
    assert.equal((await readAll(log, 'short')).length, 10);
    await harness.upkeep(2 * HOUR_MS);
    await harness.upkeep(2 * HOUR_MS);
    assert.equal((await readAll(log, 'short')).length, 0);
    assert.deepEqual(await log.endOffsets('short'), [10]);
    const [position] = await writer.append('short', [record('k', 'new')]);
    assert.equal(position!.offset, 10);
    const again = await harness.reopen();
    assert.deepEqual((await readAll(again, 'short')).map(text), ['new']);
  });

  test('retention by bytes removes the oldest records of a partition', async (harness) => {
    const retentionBytes = 100_000;
    const { log } = harness;
    await log.ensureTopics([{ name: 'small', partitions: 1, cleanup: 'delete', retentionBytes }]);
    const writer = await log.writer('w');
    for (let index = 0; index < 300; index += 1)
      await writer.append('small', [record('k', `${index}`.padEnd(1000))]);
    await harness.upkeep(HOUR_MS);
    const left = await readAll(log, 'small');
    assert.ok(left.length >= 90 && left.length < 250, `${left.length} left`);
    assert.equal(text(left.at(-1)!)!.trim(), '299');
    const values = left.map((one) => Number(text(one)));
    assert.deepEqual(
      values,
      Array.from({ length: left.length }, (_, index) => 300 - left.length + index),
    );
  });
}
