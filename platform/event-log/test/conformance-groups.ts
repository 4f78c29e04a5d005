import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Assignment, LogRecord } from '../event-log.ts';
import type { OpenEventLog } from './conformance.ts';
import { collect, makeTopic, record, startConsumer, text, until, withLog } from './support.ts';

const keyed = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => record(`key ${from + index}`, `${from + index}`));

const names = (assignment: Assignment): string[] => assignment.map((one) => `${one.topic}/${one.partition}`);

export function groupCases(open: OpenEventLog): void {
  const test = (name: string, run: Parameters<typeof withLog>[1]): void => {
    it(name, () => withLog(open, run));
  };

  test('group: members share all partitions, none twice, and take over from one who leaves', async ({
    log,
  }) => {
    await makeTopic(log, 'things', 6);
    const writer = await log.writer('w');
    const held = [new Set<string>(), new Set<string>()];
    let doubled = false;
    const member = (index: number) =>
      startConsumer(log, {
        topics: ['things'],
        async onAssigned(partitions) {
          for (const name of names(partitions)) {
            doubled ||= held.some((one) => one.has(name));
            held[index]!.add(name);
          }
        },
        async onRevoked(partitions) {
          for (const name of names(partitions)) held[index]!.delete(name);
        },
      });
    const first = await member(0);
    await until(() => held[0]!.size === 6);
    const second = await member(1);
    await until(() => held[0]!.size === 3 && held[1]!.size === 3);
    await writer.append('things', keyed(0, 60));
    await until(() => first.seen.items.length + second.seen.items.length >= 60);
    assert.ok(first.seen.items.length > 0 && second.seen.items.length > 0);
    await first.consumer.close();
    await until(() => held[1]!.size === 6);
    assert.equal(held[0]!.size, 0);
    await writer.append('things', keyed(60, 120));
    const values = (records: readonly LogRecord[]) => records.map((one) => Number(text(one)));
    const all = () => new Set([...values(first.seen.items), ...values(second.seen.items)]);
    await until(() => all().size === 120);
    assert.equal(doubled, false);
    await second.consumer.close();
  });

  test('group: a partition moves only when its batch has ended and onRevoked is done', async ({ log }) => {
    await makeTopic(log, 'things', 2);
    const writer = await log.writer('w');
    const order = collect<string>();
    let release = (): void => {};
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = await startConsumer(log, {
      topics: ['things'],
      async onBatch(records) {
        order.add(`batch begins ${records[0]!.partition}`);
        await blocked;
        order.add(`batch ends ${records[0]!.partition}`);
      },
      async onRevoked(partitions) {
        await new Promise(setImmediate);
        for (const one of partitions) order.add(`revoked ${one.partition}`);
      },
    });
    await writer.append(
      'things',
      [0, 1].map((partition) => ({ ...record('k', 'v'), partition })),
    );
    await order.count(2);
    const joining = startConsumer(log, {
      topics: ['things'],
      async onAssigned(partitions) {
        for (const one of partitions) order.add(`assigned ${one.partition}`);
      },
    });
    await log.endOffsets('things');
    release();
    const second = await joining;
    await until(() => order.items.some((one) => one.startsWith('assigned')));
    const moved = order.items.find((one) => one.startsWith('assigned'))!.slice('assigned '.length);
    const place = (what: string): number => order.items.indexOf(`${what} ${moved}`);
    assert.ok(place('batch begins') >= 0);
    assert.ok(place('batch begins') < place('batch ends'));
    assert.ok(place('batch ends') < place('revoked'));
    assert.ok(place('revoked') < place('assigned'));
    await Promise.all([first.consumer.close(), second.consumer.close()]);
    assert.equal(second.seen.items.length, 0);
  });

  test('group: a commit works in onRevoked and not after it', async ({ log }) => {
    await makeTopic(log, 'things');
    const writer = await log.writer('w');
    await writer.append('things', keyed(0, 3));
    const seen = collect<LogRecord>();
    let commitLast: (() => Promise<void>) | undefined;
    const first = await startConsumer(log, {
      topics: ['things'],
      commit: 'manual',
      async onBatch(records, control) {
        commitLast = () => control.commit(records.at(-1)!);
        seen.add(...records);
      },
      async onRevoked() {
        await commitLast!();
      },
    });
    await seen.count(3);
    await first.consumer.close();
    await writer.append('things', keyed(3, 4));
    const second = await startConsumer(log, { topics: ['things'] });
    await second.seen.count(1);
    assert.deepEqual(second.seen.items.map(text), ['3']);
    await assert.rejects(commitLast!(), { code: 'EVENT_LOG_NOT_ASSIGNED' });
    await second.consumer.close();
  });

  test('group: another member takes over from one that failed', async ({ log }) => {
    await makeTopic(log, 'things', 2);
    const writer = await log.writer('w');
    const broken = await startConsumer(log, {
      topics: ['things'],
      async onBatch() {
        throw new Error('a bug');
      },
    });
    const healthy = await startConsumer(log, { topics: ['things'] });
    await writer.append('things', keyed(0, 20));
    await broken.failures.count(1);
    const values = () => new Set(healthy.seen.items.map((one) => text(one)));
    await until(() => values().size === 20);
    await Promise.all([broken.consumer.close(), healthy.consumer.close()]);
  });
}
