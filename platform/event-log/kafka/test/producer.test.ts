/** What the producer makes of answers that no real broker gives when asked. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSystemClock } from '../../../clock/system-clock.ts';
import { silentLogger } from '../../../log/pino-logger.ts';
import { createPromMetrics } from '../../../metrics/prom-metrics.ts';
import type { NewRecord } from '../../event-log.ts';
import { openKafkaEventLog } from '../kafka-event-log.ts';
import type { KafkaConfig } from '../../../../schemas/config/kafka.ts';
import { kafkaConfig } from './harness.ts';
import { scriptedBroker, type Answer } from './scripted-broker.ts';

async function open(answer: (send: number, partition: number) => Answer, given: Partial<KafkaConfig> = {}) {
  const broker = scriptedBroker(answer);
  const metrics = createPromMetrics();
  const deps = { clock: createSystemClock(), log: silentLogger, metrics, transport: broker.transport };
  const log = await openKafkaEventLog(deps, kafkaConfig({ brokers: ['localhost:1'], ...given }));
  return { broker, metrics, log, writer: await log.writer('w') };
}
const value = (text: string, partition: number): NewRecord => ({
  key: null,
  value: Buffer.from(text),
  partition,
});

describe('kafka producer', () => {
  it('sends a partition again that the answer does not speak of, and nothing else', async () => {
    const { broker, writer, metrics, log } = await open((send, partition) =>
      send === 0 && partition === 1 ? 'missing' : 'taken',
    );
    const positions = await writer.append('t', [value('a', 0), value('b', 1), value('c', 0), value('d', 1)]);
    assert.deepEqual(
      positions.map(({ partition, offset }) => `${partition}/${offset}`),
      ['0/0', '1/0', '0/1', '1/1'],
    );
    assert.deepEqual(broker.sends, ['0:1:0+2', '1:1:0+2', '1:1:0+2']);
    assert.match(await metrics.expose(), /countersign_kafka_resends_total\{reason="missing"\} 1/);
    await log.close();
  });

  it('doubles nothing where the broker had it already, and holds back what comes behind', async () => {
    const { broker, writer, log } = await open((send) =>
      send === 0 ? 'taken-but-missing' : send === 1 ? 'closed' : 'taken',
    );
    const first = writer.append('t', [value('a', 0)]);
    const second = writer.append('t', [value('b', 0)]);
    const third = writer.append('t', [value('c', 0)]);
    const positions = (await Promise.all([first, second, third])).flat();
    assert.deepEqual(
      positions.map((one) => one.offset),
      [0, 1, 2],
    );
    assert.deepEqual(broker.log.get(0), ['a', 'b', 'c']);
    assert.deepEqual(
      broker.sends.slice(0, 3),
      Array.from({ length: 3 }, () => broker.sends[0]),
    );
    await log.close();
  });

  it('splits what is more than a batch, and knows the place of each record', async () => {
    const { broker, writer, log } = await open(() => 'taken', { batchBytesMax: 4096 });
    const values = Array.from({ length: 30 }, (_, index) => `${index}`.padEnd(500));
    const positions = await writer.append(
      't',
      values.map((text) => value(text, 1)),
    );
    assert.deepEqual(
      positions.map((one) => one.offset),
      values.map((_, index) => index),
    );
    assert.deepEqual(broker.log.get(1), values);
    assert.ok(broker.sends.length >= 4);
    await log.close();
  });

  it('takes a new identity when the broker has forgotten it: that append fails, the next one is written', async () => {
    const { broker, writer, log } = await open((send) => (send === 1 ? 'forgotten' : 'taken'));
    await writer.append('t', [value('a', 0)]);
    await assert.rejects(writer.append('t', [value('b', 0)]), { code: 'EVENT_LOG_REFUSED' });
    await writer.append('t', [value('b', 0)]);
    assert.deepEqual(broker.log.get(0), ['a', 'b']);
    assert.deepEqual(broker.sends, ['0:1:0+1', '0:1:1+1', '0:2:0+1']);
    await log.close();
  });

  it('fails an append in time and does not keep what has not gone out', async () => {
    let away = true;
    const { broker, writer, log } = await open(() => (away ? 'missing' : 'taken'), { appendTimeoutMs: 150 });
    const unreachable = { code: 'EVENT_LOG_UNREACHABLE' };
    const first = assert.rejects(writer.append('t', [value('out already', 0)]), unreachable);
    const second = assert.rejects(writer.append('t', [value('never out', 0)]), unreachable);
    await Promise.all([first, second]);
    away = false;
    await writer.append('t', [value('later', 0)]);
    const log0 = broker.log.get(0)!;
    assert.equal(log0.at(-1), 'later');
    assert.ok(log0.filter((one) => one === 'never out').length <= 1);
    await log.close();
  });

  it('refuses more than the queue holds', async () => {
    const { writer, log } = await open(() => 'missing', {
      queueBytesMax: 64 * 1024,
      recordBytesMax: 64 * 1024,
    });
    const waiting = writer.append('t', [value('x'.repeat(40_000), 0)]);
    await assert.rejects(writer.append('t', [value('y'.repeat(40_000), 1)]), {
      code: 'EVENT_LOG_QUEUE_FULL',
    });
    const closed = assert.rejects(waiting, { code: 'EVENT_LOG_CLOSED' });
    await log.close();
    await closed;
  });
});
