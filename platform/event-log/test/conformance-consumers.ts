import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { LogRecord } from '../event-log.ts';
import type { OpenEventLog } from './conformance.ts';
import { collect, makeTopic, record, startConsumer, text, until, withLog } from './support.ts';

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => record('k', `${from + index}`));

export function consumerCases(open: OpenEventLog): void {
  const test = (name: string, run: Parameters<typeof withLog>[1]): void => {
    it(name, () => withLog(open, run));
  };

  test('consume: delivers what was there and what comes, in order, in batches up to the bound', async ({
    log,
  }) => {
    await makeTopic(log, 'things', 2);
    const writer = await log.writer('w');
    await writer.append('things', numbers(0, 25));
    const sizes: number[] = [];
    const seen = collect<LogRecord>();
    const { consumer } = await startConsumer(log, {
      topics: ['things'],
      batchRecordsMax: 4,
      async onBatch(records) {
        sizes.push(records.length);
        seen.add(...records);
      },
    });
    await seen.count(25);
    await writer.append('things', numbers(25, 40));
    await seen.count(40);
    assert.deepEqual(
      seen.items.map(text),
      Array.from({ length: 40 }, (_, index) => `${index}`),
    );
    assert.ok(sizes.every((size) => size >= 1 && size <= 4));
    await consumer.close();
  });

  test('consume: goes on after the committed offset after a restart; lag counts what is left', async (harness) => {
    await makeTopic(harness.log, 'things');
    const writer = await harness.log.writer('w');
    await writer.append('things', numbers(0, 10));
    const first = await startConsumer(harness.log, { topics: ['things'] });
    await first.seen.count(10);
    await until(async () => (await first.consumer.lag()) === 0);
    await first.consumer.close();
    await writer.append('things', numbers(10, 15));
    const log = await harness.reopen();
    const second = await startConsumer(log, { topics: ['things'] });
    await second.seen.count(5);
    assert.deepEqual(second.seen.items.map(text), ['10', '11', '12', '13', '14']);
    const other = await startConsumer(log, { topics: ['things'], group: 'other' });
    assert.equal((await other.seen.count(15)).length, 15);
    await Promise.all([second.consumer.close(), other.consumer.close()]);
  });

  test('consume: starts at the end when asked to, and keeps that place without a commit', async (harness) => {
    await makeTopic(harness.log, 'things');
    const writer = await harness.log.writer('w');
    await writer.append('things', numbers(0, 5));
    const options = { topics: ['things'], startAt: 'latest', commit: 'manual' } as const;
    const first = await startConsumer(harness.log, options);
    await writer.append('things', numbers(5, 7));
    await first.seen.count(2);
    assert.deepEqual(first.seen.items.map(text), ['5', '6']);
    await first.consumer.close();
    const second = await startConsumer(harness.log, options);
    await second.seen.count(2);
    assert.deepEqual(second.seen.items.map(text), ['5', '6']);
    await second.consumer.close();
  });

  test('consume: manual commit decides where the next one begins', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    await writer.append('things', numbers(0, 10));
    const seen = collect<LogRecord>();
    const first = await startConsumer(log, {
      topics: ['things'],
      commit: 'manual',
      batchRecordsMax: 100,
      async onBatch(records, control) {
        const sixth = records.find((one) => text(one) === '5');
        if (sixth !== undefined) await control.commit(sixth);
        seen.add(...records);
      },
    });
    await seen.count(10);
    assert.equal(await first.consumer.lag(), 4);
    await first.consumer.close();
    const second = await startConsumer(log, { topics: ['things'] });
    await second.seen.count(4);
    assert.deepEqual(second.seen.items.map(text), ['6', '7', '8', '9']);
    await second.consumer.close();
  });

  test('consume: a failure stops before the commit, is told, and the batch comes again', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    await writer.append('things', numbers(0, 6));
    const broken = await startConsumer(log, {
      topics: ['things'],
      batchRecordsMax: 2,
      async onBatch(records) {
        if (records.some((one) => text(one) === '3')) throw new Error('a bug');
      },
    });
    const [failure] = await broken.failures.count(1);
    assert.match((failure as Error).message, /a bug/);
    const healthy = await startConsumer(log, { topics: ['things'], batchRecordsMax: 2 });
    await healthy.seen.count(4);
    assert.deepEqual(healthy.seen.items.map(text), ['2', '3', '4', '5']);
    assert.equal(broken.failures.items.length, 1);
    await Promise.all([broken.consumer.close(), healthy.consumer.close()]);
  });

  test('consume: seek in onAssigned decides the first record, which comes after it', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    const positions = await writer.append('things', numbers(0, 10));
    const order: string[] = [];
    const seen = collect<LogRecord>();
    const { consumer } = await startConsumer(log, {
      topics: ['things'],
      async onAssigned(partitions, control) {
        assert.deepEqual(
          partitions.map((one) => ({ ...one })),
          [{ topic: 'things', partition: 0 }],
        );
        await new Promise(setImmediate);
        control.seek('things', 0, positions[7]!.offset);
        order.push('assigned');
      },
      async onBatch(records) {
        order.push('batch');
        seen.add(...records);
      },
    });
    await seen.count(3);
    assert.deepEqual(seen.items.map(text), ['7', '8', '9']);
    assert.equal(order[0], 'assigned');
    await consumer.close();
  });

  test('consume: a failing onAssigned stops the consumer before any batch', async ({ log }) => {
    await makeTopic(log, 'things');
    await (await log.writer('w')).append('things', numbers(0, 3));
    const { consumer, failures, seen } = await startConsumer(log, {
      topics: ['things'],
      async onAssigned() {
        throw new Error('state is gone');
      },
    });
    assert.match(((await failures.count(1))[0] as Error).message, /state is gone/);
    assert.equal(seen.items.length, 0);
    await consumer.close();
  });

  test('consume: pause holds delivery, resume goes on without loss', async ({ log }) => {
    await makeTopic(log, 'things', 2);
    const writer = await log.writer('w');
    const { consumer, seen } = await startConsumer(log, { topics: ['things'] });
    await writer.append('things', numbers(0, 5));
    await seen.count(5);
    consumer.pause();
    await writer.append('things', numbers(5, 30));
    // Whatever would come without the pause has come by the time another group has it all.
    const other = await startConsumer(log, { topics: ['things'], group: 'other' });
    await other.seen.count(30);
    assert.equal(seen.items.length, 5);
    consumer.resume();
    await seen.count(30);
    assert.deepEqual(
      seen.items.map(text),
      Array.from({ length: 30 }, (_, index) => `${index}`),
    );
    await Promise.all([consumer.close(), other.consumer.close()]);
  });

  test('consume: close waits for the batch under way and commits it', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    await writer.append('things', numbers(0, 2));
    const started = collect<number>();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = await startConsumer(log, {
      topics: ['things'],
      batchRecordsMax: 1,
      async onBatch() {
        started.add(1);
        await held;
      },
    });
    await started.count(1);
    let closed = false;
    const closing = first.consumer.close().then(() => {
      closed = true;
    });
    await log.endOffsets('things');
    assert.equal(closed, false);
    release();
    await closing;
    assert.equal(started.items.length, 1);
    const second = await startConsumer(log, { topics: ['things'] });
    await second.seen.count(1);
    assert.deepEqual(second.seen.items.map(text), ['1']);
    await second.consumer.close();
  });
}
