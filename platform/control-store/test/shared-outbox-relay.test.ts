/** Several relays on one store and one log: what was published is carried once at a time, in commit order, whoever dies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock, createSeededRandom } from '../../clock/manual-clock.ts';
import { defineErrors } from '../../errors/errors.ts';
import type { EventLog, LogWriter, NewRecord } from '../../event-log/event-log.ts';
import { silentLogger } from '../../log/pino-logger.ts';
import { createPromMetrics } from '../../metrics/prom-metrics.ts';
import type { ControlStore } from '../control-store.ts';
import { createSharedOutboxRelay } from '../shared-outbox-relay.ts';
import { createMemoryStore } from './memory-store.ts';

const fenced = defineErrors({ EVENT_LOG_FENCED: { message: 'fenced', hint: '', status: 500 } });

/** A log whose writers fence each other, as the port promises. */
function createLog() {
  const records: { readonly key: string; readonly by: number }[] = [];
  let epoch = 0;
  const writer = async (): Promise<LogWriter> => {
    epoch += 1;
    const mine = epoch;
    return {
      async append(topic: string, added: readonly NewRecord[]) {
        if (mine !== epoch) throw fenced('EVENT_LOG_FENCED');
        return added.map(({ key }) => {
          records.push({ key: key!, by: mine });
          return { topic, partition: 0, offset: records.length };
        });
      },
      async close() {},
    };
  };
  return { records, eventLog: { writer } as unknown as EventLog, epoch: () => epoch };
}

function setUp() {
  const clock = createManualClock();
  const store = createMemoryStore(clock);
  const log = createLog();
  let seed = 0;
  /** Processes whose end the store knows of. */
  const gone = new Set<string>();
  /** A process; `link.paused` stops everything of it that touches the store, and its timers. */
  const start = (name: string) => {
    const link = { paused: false };
    const presence = { id: name, isGone: async (id: string) => gone.has(id) };
    const call = <R>(work: () => Promise<R>): Promise<R> =>
      link.paused ? Promise.reject(new Error('cut off')) : work();
    const own: ControlStore = {
      ...store,
      presence,
      transact: (...given) => call(() => store.transact(...given)),
      get: (...given) => call(() => store.get(...given)),
      outbox: (limit) => call(() => store.outbox(limit)),
      acknowledgeOutbox: (sequence) => call(() => store.acknowledgeOutbox(sequence)),
    };
    const relay = createSharedOutboxRelay(
      {
        store: own,
        eventLog: log.eventLog,
        random: createSeededRandom((seed += 1)),
        clock,
        log: silentLogger,
        metrics: createPromMetrics(),
      },
      { name },
    );
    relay.start();
    return { relay, link };
  };
  const settle = async (ms: number): Promise<void> => {
    for (let passed = 0; passed <= ms; passed += 25) {
      clock.advance(25);
      for (let turn = 0; turn < 6; turn += 1) await new Promise(setImmediate);
    }
  };
  let published = 0;
  const publish = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      published += 1;
      const key = String(published);
      await store.transact((tx) => tx.publish('topic', key, Buffer.from(key)));
    }
  };
  const keys = (): string[] => log.records.map(({ key }) => key);
  const expected = (): string[] => Array.from({ length: published }, (_, index) => String(index + 1));
  return { clock, store, log, gone, start, settle, publish, keys, expected };
}

test('of three relays one carries, in commit order; a clean end hands over at once', async () => {
  const { log, start, settle, publish, keys, expected } = setUp();
  const relays = ['a', 'b', 'c'].map(start);
  await settle(100);
  await publish(20);
  await settle(100);
  assert.deepEqual(keys(), expected());
  assert.equal(new Set(log.records.map(({ by }) => by)).size, 1);
  await relays[0]!.relay.stop();
  await publish(5);
  await settle(250);
  assert.deepEqual(keys(), expected());
  assert.equal(log.epoch(), 2);
  for (const { relay } of relays.slice(1)) {
    assert.deepEqual(relay.health(), { ready: true });
    await relay.stop();
  }
});

test('when the one that carries is gone, another does after little more than a second, and nothing is lost', async () => {
  const { start, settle, publish, keys, expected } = setUp();
  const first = start('a');
  await settle(100);
  const second = start('b');
  await publish(3);
  await settle(100);
  first.link.paused = true;
  await publish(3);
  await settle(700);
  assert.equal(keys().length, 3, 'its turn is not over yet');
  await settle(600);
  assert.deepEqual(keys(), expected());
  // The first comes back: it sees that it is not its turn any more.
  first.link.paused = false;
  await publish(3);
  await settle(2000);
  assert.deepEqual(keys(), expected());
  await Promise.all([first.relay.stop(), second.relay.stop()]);
});

test('when the store knows that the one that carries is gone, another does at once', async () => {
  const { log, gone, start, settle, publish, keys, expected } = setUp();
  const first = start('a');
  await settle(100);
  const second = start('b');
  await settle(100);
  first.link.paused = true;
  await publish(3);
  gone.add('a');
  await settle(200);
  assert.deepEqual(keys(), expected());
  assert.equal(log.epoch(), 2);
  await Promise.all([first.relay.stop(), second.relay.stop()]);
});

test('one that has only lost its way to the store gives its turn up: they do not take it from each other', async () => {
  const { log, gone, start, settle, publish, keys, expected } = setUp();
  const first = start('a');
  await settle(100);
  const second = start('b');
  await settle(100);
  // As long as its connection is away the others take it for dead; it goes on meanwhile.
  gone.add('a');
  for (let turn = 0; turn < 10; turn += 1) {
    await publish(2);
    await settle(100);
  }
  gone.delete('a');
  await settle(2000);
  assert.deepEqual(keys(), expected());
  assert.equal(log.epoch(), 2);
  await Promise.all([first.relay.stop(), second.relay.stop()]);
});

test('a relay whose writer was taken while it has the turn takes it back; nothing is doubled out of order', async () => {
  const { log, start, settle, publish, keys, expected } = setUp();
  const { relay } = start('a');
  await settle(100);
  await publish(2);
  await settle(50);
  await log.eventLog.writer('outbox');
  await publish(2);
  await settle(300);
  assert.deepEqual(keys(), expected());
  await relay.stop();
});
