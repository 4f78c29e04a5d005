import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { OpenEventLog } from './conformance.ts';
import { makeTopic, readAll, record, text, withLog } from './support.ts';

export function writerCases(open: OpenEventLog): void {
  const test = (name: string, run: Parameters<typeof withLog>[1]): void => {
    it(name, () => withLog(open, run));
  };

  test('keeps order, keys, headers, values and tombstones', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    const before = await log.endOffsets('things');
    const positions = await writer.append('things', [
      { key: 'ключ', value: Buffer.from([0, 255, 1]), headers: { first: '1', zweite: 'ü', empty: '' } },
      { key: null, value: Buffer.from('no key') },
      { key: 'gone', value: null },
      { key: '', value: Buffer.alloc(0) },
    ]);
    assert.deepEqual(before, [0]);
    assert.equal(positions.length, 4);
    assert.ok(positions.every((one, index) => index === 0 || one.offset > positions[index - 1]!.offset));
    const found = await readAll(log, 'things');
    assert.deepEqual(
      found.map((one) => [one.key, one.value === null ? null : [...one.value], { ...one.headers }]),
      [
        ['ключ', [0, 255, 1], { first: '1', zweite: 'ü', empty: '' }],
        [null, [...Buffer.from('no key')], {}],
        ['gone', null, {}],
        ['', [], {}],
      ],
    );
    assert.deepEqual(
      found.map(({ topic, partition, offset }) => ({ topic, partition, offset })),
      positions,
    );
    assert.ok(found.every((one) => one.timestamp > 0));
    const [end] = await log.endOffsets('things');
    assert.ok(end! > positions[3]!.offset);
  });

  test('does not depend on the buffers of the caller after append', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    const value = Buffer.from('first');
    await writer.append('things', [{ key: 'k', value }]);
    value.fill(0);
    assert.deepEqual((await readAll(log, 'things')).map(text), ['first']);
  });

  test('sends a key always to the partition that partitionOf names', async ({ log }) => {
    await makeTopic(log, 'many', 5);
    assert.equal(await log.partitions('many'), 5);
    const writer = await log.writer('w');
    const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`);
    const positions = await writer.append(
      'many',
      [...keys, ...keys].map((key) => record(key, key)),
    );
    for (const [index, key] of keys.entries()) {
      const partition = await log.partitionOf('many', key);
      assert.equal(positions[index]!.partition, partition);
      assert.equal(positions[index + keys.length]!.partition, partition);
    }
    assert.equal(new Set(positions.map((one) => one.partition)).size, 5);
    const [explicit] = await writer.append('many', [{ ...record('key 1', 'x'), partition: 3 }]);
    assert.equal(explicit!.partition, 3);
  });

  test('partitions by murmur2 as Kafka does', async ({ log }) => {
    await makeTopic(log, 'many', 10);
    // Hashes from Kafka's own UtilsTest: "21" -973932308, "foobar" -790332482, "a-little-bit-long-string" -985981536.
    assert.equal(await log.partitionOf('many', '21'), (-973932308 & 0x7fffffff) % 10);
    assert.equal(await log.partitionOf('many', 'foobar'), (-790332482 & 0x7fffffff) % 10);
    assert.equal(await log.partitionOf('many', 'a-little-bit-long-string'), (-985981536 & 0x7fffffff) % 10);
  });

  test('fences the earlier writer of a name, also over a restart, and no other', async (harness) => {
    await makeTopic(harness.log, 'things');
    const first = await harness.log.writer('w');
    const other = await harness.log.writer('other');
    await first.append('things', [record('k', '1')]);
    const second = await harness.log.writer('w');
    await assert.rejects(first.append('things', [record('k', 'fenced')]), { code: 'EVENT_LOG_FENCED' });
    await second.append('things', [record('k', '2')]);
    await other.append('things', [record('k', '3')]);
    const log = await harness.reopen();
    const third = await log.writer('w');
    await third.append('things', [record('k', '4')]);
    assert.deepEqual((await readAll(log, 'things')).map(text), ['1', '2', '3', '4']);
  });

  test('keeps everything over a restart and never uses an offset again', async (harness) => {
    await makeTopic(harness.log, 'things', 2);
    const writer = await harness.log.writer('w');
    const before = await writer.append(
      'things',
      Array.from({ length: 50 }, (_, n) => record(`k${n}`, `${n}`)),
    );
    const ends = await harness.log.endOffsets('things');
    const log = await harness.reopen();
    assert.deepEqual(await log.endOffsets('things'), ends);
    const again = await log.writer('w');
    const after = await again.append('things', [record('k0', 'later')]);
    const found = await readAll(log, 'things');
    assert.equal(found.length, 51);
    assert.ok(before.every((one) => one.partition !== after[0]!.partition || one.offset < after[0]!.offset));
  });

  test('refuses a record over the bound and appends nothing of that call', async ({
    log,
    recordBytesMax,
  }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    const big = { key: 'k', value: Buffer.alloc(recordBytesMax + 1) };
    await assert.rejects(writer.append('things', [record('k', 'before'), big]), {
      code: 'EVENT_LOG_RECORD_TOO_LARGE',
    });
    const fits = { key: 'k', value: Buffer.alloc(Math.floor(recordBytesMax * 0.9), 7) };
    await writer.append('things', [fits]);
    const found = await readAll(log, 'things');
    assert.equal(found.length, 1);
    assert.ok(Buffer.from(found[0]!.value!).equals(fits.value));
  });

  test('takes a topic again, and refuses another shape', async ({ log }) => {
    await makeTopic(log, 'things', 3);
    await makeTopic(log, 'things', 3);
    await makeTopic(log, 'things', 2);
    assert.equal(await log.partitions('things'), 3);
    await assert.rejects(makeTopic(log, 'things', 4), { code: 'EVENT_LOG_TOPIC_MISMATCH' });
    await assert.rejects(makeTopic(log, 'things', 3, 'compact'), { code: 'EVENT_LOG_TOPIC_MISMATCH' });
    await assert.rejects(makeTopic(log, '../things'), { code: 'EVENT_LOG_TOPIC_INVALID' });
  });

  test('names topics and partitions that do not exist', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    const unknown = { code: 'EVENT_LOG_UNKNOWN_TOPIC' };
    await assert.rejects(writer.append('absent', [record('k', 'v')]), unknown);
    await assert.rejects(log.endOffsets('absent'), unknown);
    await assert.rejects(log.partitions('absent'), unknown);
    await assert.rejects(log.read({ topic: 'absent', onRecords() {}, onFailure() {} }), unknown);
    await assert.rejects(writer.append('things', [{ ...record('k', 'v'), partition: 1 }]), {
      code: 'EVENT_LOG_UNKNOWN_PARTITION',
    });
  });

  test('takes an empty append', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    for (let round = 0; round < 3; round += 1) assert.deepEqual(await writer.append('things', []), []);
    assert.deepEqual(await log.endOffsets('things'), [0]);
  });

  test('refuses work after close', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    await log.close();
    await log.close();
    const closed = { code: 'EVENT_LOG_CLOSED' };
    await assert.rejects(writer.append('things', [record('k', 'v')]), closed);
    await assert.rejects(log.endOffsets('things'), closed);
    await assert.rejects(log.writer('x'), closed);
  });
}
