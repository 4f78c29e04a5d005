import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCodec } from '../../../schemas/codec.ts';
import { createManualClock } from '../../clock/manual-clock.ts';
import { defineErrors } from '../../errors/errors.ts';
import type { LogRecord, NewRecord } from '../../event-log/event-log.ts';
import { silentLogger } from '../../log/pino-logger.ts';
import { createPromMetrics } from '../../metrics/prom-metrics.ts';
import { createDeadLetters } from '../dead-letters.ts';

const fenced = defineErrors({ EVENT_LOG_FENCED: { message: 'fenced', hint: '', status: 500 } });
const record: LogRecord = {
  topic: 'countersign.session-events',
  partition: 3,
  offset: 42,
  key: 'idp/alice',
  value: Buffer.from('garbage'),
  headers: {},
  timestamp: 1,
};

/** A log that fails with each of `failures` before it takes records. */
function setUp(failures: Error[]) {
  const written: [string, NewRecord][] = [];
  const clock = createManualClock(1_000_000);
  const metrics = createPromMetrics();
  const letters = createDeadLetters({
    writer: {
      async append(topic, records) {
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
        for (const added of records) written.push([topic, added]);
        return [];
      },
      async close() {},
    },
    clock,
    log: silentLogger,
    metrics,
  });
  return { letters, written, clock, metrics };
}

describe('dead letters', () => {
  it('keeps the record as it was, where it came from, and why', async () => {
    const { letters, written, metrics } = setUp([]);
    await letters.give(record, 'detectors', 'DETECTORS_UNREADABLE', `no frame ${'x'.repeat(5000)}`);
    const [[topic, { key, value }]] = written as [[string, NewRecord]];
    assert.deepEqual([topic, key], ['countersign.dead-letters', 'countersign.session-events']);
    const decoded = createCodec('dead-letter').decode(value!);
    assert.ok(decoded.ok);
    assert.equal(decoded.value.reason.length, 2000);
    assert.deepEqual(
      { ...decoded.value, reason: '' },
      {
        time: 1_000_000,
        sourceTopic: 'countersign.session-events',
        sourcePartition: 3,
        sourceOffset: 42,
        stage: 'detectors',
        code: 'DETECTORS_UNREADABLE',
        reason: '',
        key: Buffer.from('idp/alice'),
        value: Buffer.from('garbage'),
      },
    );
    assert.match(await metrics.expose(), /countersign_dead_letters_total\{.*stage="detectors".*\} 1/);
  });

  it('waits while the log is away', async () => {
    const { letters, written, clock } = setUp([new Error('away'), new Error('away')]);
    const given = letters.give(record, 's', 'C', 'r');
    while (written.length === 0) {
      await new Promise(setImmediate);
      clock.advance(5000);
    }
    await given;
    assert.equal(written.length, 1);
  });

  it('rejects when it is closed while it waits, or when its writer is fenced', async () => {
    const waiting = setUp([new Error('away'), new Error('away')]);
    const given = assert.rejects(waiting.letters.give(record, 's', 'C', 'r'));
    await new Promise(setImmediate);
    waiting.letters.close();
    await given;
    assert.equal(waiting.written.length, 0);
    const taken = setUp([fenced('EVENT_LOG_FENCED')]);
    await assert.rejects(taken.letters.give(record, 's', 'C', 'r'), { code: 'EVENT_LOG_FENCED' });
  });
});
