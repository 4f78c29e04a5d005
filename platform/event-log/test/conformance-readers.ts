import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { OpenEventLog } from './conformance.ts';
import { collect, makeTopic, readAll, record, text, withLog } from './support.ts';

export function readerCases(open: OpenEventLog): void {
  const test = (name: string, run: Parameters<typeof withLog>[1]): void => {
    it(name, () => withLog(open, run));
  };

  test('read: caught up at once on an empty topic, then follows', async ({ log }) => {
    await makeTopic(log, 'things', 3);
    const seen = collect<string>();
    const caughtUp = collect<number>();
    const reader = await log.read({
      topic: 'things',
      onRecords(records) {
        seen.add(...records.map((one) => text(one)!));
      },
      onCaughtUp: () => caughtUp.add(seen.items.length),
      onFailure: assert.ifError,
    });
    await reader.caughtUp();
    assert.deepEqual(await caughtUp.count(1), [0]);
    const writer = await log.writer('w');
    await writer.append('things', [record('a', '1'), record('b', '2'), record('c', '3')]);
    await reader.caughtUp();
    assert.deepEqual([...seen.items].sort(), ['1', '2', '3']);
    await writer.append('things', [record('a', '4')]);
    await seen.count(4);
    assert.deepEqual(caughtUp.items, [0]);
    await reader.close();
    await writer.append('things', [record('a', 'unseen')]);
    assert.equal(seen.items.length, 4);
  });

  test('read: onCaughtUp comes after all that was there, in order per partition', async ({ log }) => {
    await makeTopic(log, 'things', 3);
    const writer = await log.writer('w');
    const wanted = Array.from({ length: 2000 }, (_, index) => record(`k${index % 7}`, `${index}`));
    await writer.append('things', wanted);
    const seen: { partition: number; value: number }[] = [];
    let running = 0;
    const caughtUp = collect<number>();
    const reader = await log.read({
      topic: 'things',
      async onRecords(records) {
        running += 1;
        assert.equal(running, 1);
        await new Promise(setImmediate);
        for (const one of records) seen.push({ partition: one.partition, value: Number(text(one)) });
        running -= 1;
      },
      onCaughtUp: () => caughtUp.add(seen.length),
      onFailure: assert.ifError,
    });
    assert.deepEqual(await caughtUp.count(1), [2000]);
    for (const partition of [0, 1, 2]) {
      const values = seen.filter((one) => one.partition === partition).map((one) => one.value);
      assert.ok(values.length > 0);
      assert.deepEqual(
        values,
        [...values].sort((a, b) => a - b),
      );
    }
    await reader.close();
  });

  test('read: one partition from an offset', async ({ log }) => {
    await makeTopic(log, 'things', 2);
    const writer = await log.writer('w');
    const values = Array.from({ length: 20 }, (_, index) => ({
      ...record('k', `${index}`),
      partition: index % 2,
    }));
    const positions = await writer.append('things', values);
    const seen: string[] = [];
    const reader = await log.read({
      topic: 'things',
      partition: 1,
      fromOffset: positions[11]!.offset,
      onRecords(records) {
        seen.push(...records.map((one) => text(one)!));
      },
      onFailure: assert.ifError,
    });
    await reader.caughtUp();
    assert.deepEqual(seen, ['11', '13', '15', '17', '19']);
    await reader.close();
  });

  test('read: stops and tells when the handler fails; caughtUp fails too', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    await writer.append('things', [record('k', 'poison')]);
    const failures = collect<Error>();
    const reader = await log.read({
      topic: 'things',
      onRecords() {
        throw new Error('cannot take it');
      },
      onFailure: (error) => failures.add(error as Error),
    });
    const [failure] = await failures.count(1);
    assert.match(failure!.message, /cannot take it/);
    await assert.rejects(reader.caughtUp());
    await reader.close();
    assert.equal((await readAll(log, 'things')).length, 1);
  });
}
