import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { MessageChannel, Worker } from 'node:worker_threads';
import { openEmbedded } from '../../embedded/test/harness.ts';
import { collect, makeTopic, readAll, record, startConsumer, text } from '../../test/support.ts';
import type { LogRecord } from '../../event-log.ts';
import { createRemoteEventLog } from '../remote-event-log.ts';
import { serveEventLog } from '../serve-event-log.ts';

describe('remote event log on real threads', () => {
  it('serves another thread; when that dies, its partitions go to others and its batch comes again', async () => {
    const harness = openEmbedded();
    const { log } = harness;
    await makeTopic(log, 'in');
    await makeTopic(log, 'out');
    const out = collect<LogRecord>();
    const reader = await log.read({
      topic: 'out',
      onRecords(records) {
        out.add(...records);
      },
      onFailure: assert.ifError,
    });
    const { port1, port2 } = new MessageChannel();
    serveEventLog(log, port1);
    const worker = new Worker(new URL('worker-member.ts', import.meta.url), {
      workerData: { port: port2 },
      transferList: [port2],
    });
    const exited = once(worker, 'exit');
    const writer = await log.writer('main');
    const values = Array.from({ length: 100 }, (_, index) => `${index}`);
    await writer.append(
      'in',
      values.map((value) => record('k', value)),
    );
    await out.count(100);
    assert.deepEqual(out.items.map(text), values);
    assert.equal(out.items[0]!.headers['by'], 'worker');
    await writer.append(
      'in',
      ['after', 'die', 'rest'].map((value) => record('k', value)),
    );
    await exited;
    const taken = await startConsumer(log, { topics: ['in'] });
    await taken.seen.count(3);
    assert.deepEqual(taken.seen.items.map(text).slice(-3), ['after', 'die', 'rest']);
    await taken.consumer.close();
    await reader.close();
    await harness.end();
  });

  it('fails calls with EVENT_LOG_CLOSED when the owner is gone, and leaves the log open when the user is', async () => {
    const harness = openEmbedded();
    await makeTopic(harness.log, 'in');
    const { port1, port2 } = new MessageChannel();
    const served = serveEventLog(harness.log, port1);
    const remote = createRemoteEventLog(port2);
    const writer = await remote.writer('w');
    await writer.append('in', [record('k', 'v')]);
    await served.close();
    await assert.rejects(writer.append('in', [record('k', 'lost')]), { code: 'EVENT_LOG_CLOSED' });
    await remote.close();
    assert.deepEqual((await readAll(harness.log, 'in')).map(text), ['v']);
    await harness.end();
  });

  it('keeps code, hint and details of an error, and the own error of a handler', async () => {
    const harness = openEmbedded();
    await makeTopic(harness.log, 'in');
    const { port1, port2 } = new MessageChannel();
    serveEventLog(harness.log, port1);
    const remote = createRemoteEventLog(port2);
    const writer = await remote.writer('w');
    await assert.rejects(writer.append('absent', [record('k', 'v')]), {
      name: 'CountersignError',
      code: 'EVENT_LOG_UNKNOWN_TOPIC',
      message: 'Topic absent does not exist.',
      status: 404,
      details: { topic: 'absent' },
    });
    await writer.append('in', [record('k', 'v')]);
    const mine = new Error('mine');
    const { failures, consumer } = await startConsumer(remote, {
      topics: ['in'],
      async onBatch() {
        throw mine;
      },
    });
    assert.equal((await failures.count(1))[0], mine);
    await consumer.close();
    await remote.close();
    await harness.end();
  });
});
