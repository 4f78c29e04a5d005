import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock } from '../../clock/manual-clock.ts';
import { defineErrors } from '../../errors/errors.ts';
import type { LogWriter, NewRecord } from '../../event-log/event-log.ts';
import { silentLogger } from '../../log/pino-logger.ts';
import { createPromMetrics } from '../../metrics/prom-metrics.ts';
import { createOutboxRelay } from '../outbox-relay.ts';
import { createMemoryStore } from './memory-store.ts';

const fenced = defineErrors({ EVENT_LOG_FENCED: { message: 'fenced', hint: '', status: 500 } });

/** A log that can be away; `appended` resolves at the n-th record. */
function createFlakyWriter() {
  const records: [string, NewRecord][] = [];
  let failure: Error | undefined;
  let failures = 0;
  const waiters: [() => boolean, () => void][] = [];
  const check = (): void => {
    for (const [met, resolve] of waiters) if (met()) resolve();
  };
  const until = (met: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      waiters.push([met, resolve]);
      check();
    });
  const writer: LogWriter = {
    async append(topic, added) {
      if (failure !== undefined) {
        failures += 1;
        setImmediate(check);
        throw failure;
      }
      for (const record of added) records.push([topic, record]);
      setImmediate(check);
      return added.map((_, offset) => ({ topic, partition: 0, offset }));
    },
    async close() {},
  };
  return {
    writer,
    records,
    fail: (error: Error | undefined) => (failure = error),
    /** Resolves when the log has n records and the relay has heard so. */
    async count(n: number) {
      await until(() => records.length >= n);
      await new Promise(setImmediate);
    },
    /** Resolves when the n-th failure has been dealt with. */
    async failed(n: number) {
      await until(() => failures >= n);
      await new Promise(setImmediate);
    },
  };
}

function setUp() {
  const clock = createManualClock();
  const store = createMemoryStore(clock);
  const log = createFlakyWriter();
  const relay = createOutboxRelay({
    store,
    writer: log.writer,
    log: silentLogger,
    clock,
    metrics: createPromMetrics(),
  });
  const publish = (topic: string, key: string): Promise<void> =>
    store.transact((tx) => tx.publish(topic, key, Buffer.from(key)));
  return { clock, store, log, relay, publish };
}

describe('outbox relay', () => {
  it('carries what waited before the start and what comes after, in order, without a timer', async () => {
    const { clock, store, log, relay, publish } = setUp();
    await publish('a', '1');
    await publish('b', '2');
    relay.start();
    await log.count(2);
    for (let n = 3; n <= 700; n += 1) await publish(n % 2 === 0 ? 'a' : 'b', String(n));
    await log.count(700);
    assert.deepEqual(
      log.records.map(([, { key }]) => key),
      Array.from({ length: 700 }, (_, index) => String(index + 1)),
    );
    assert.deepEqual(
      log.records.slice(0, 3).map(([topic]) => topic),
      ['a', 'b', 'b'],
    );
    assert.equal(clock.nextTimerMs(), undefined);
    await relay.stop();
    assert.deepEqual(await store.outbox(10), []);
  });

  it('tries again while the log is away, says so, and loses nothing', async () => {
    const { clock, store, log, relay, publish } = setUp();
    log.fail(new Error('broker away'));
    relay.start();
    await publish('a', '1');
    await log.failed(1);
    assert.deepEqual(relay.health(), { ready: false, reason: 'outbox: broker away' });
    clock.advance(5000);
    await log.failed(2);
    log.fail(undefined);
    await publish('a', '2');
    clock.advance(5000);
    await log.count(2);
    assert.deepEqual(
      log.records.map(([, { key }]) => key),
      ['1', '2'],
    );
    await relay.stop();
    assert.deepEqual(relay.health(), { ready: true });
    assert.deepEqual(await store.outbox(10), []);
  });

  it('stops for good when another process took over', async () => {
    const { clock, store, log, relay, publish } = setUp();
    log.fail(fenced('EVENT_LOG_FENCED'));
    relay.start();
    await publish('a', '1');
    await log.failed(1);
    await relay.stop();
    assert.equal(relay.health().ready, false);
    log.fail(undefined);
    await publish('a', '2');
    clock.advance(60_000);
    assert.deepEqual(log.records, []);
    assert.equal((await store.outbox(10)).length, 2);
  });

  it('can be stopped while it waits for the log', async () => {
    const { log, relay, publish } = setUp();
    log.fail(new Error('away'));
    relay.start();
    await publish('a', '1');
    await log.failed(1);
    await relay.stop();
  });
});
