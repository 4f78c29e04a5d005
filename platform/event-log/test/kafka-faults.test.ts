/** Brokers that die, a controller that dies, a group that changes all the time: nothing acknowledged is lost, doubled or out of order. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../../test/servers/available.ts';
import { startKafka, type TestKafka } from '../../../test/servers/kafka/kafka.ts';
import { openKafka, type KafkaHarness } from '../kafka/test/harness.ts';
import type { EventLog, LogRecord } from '../event-log.ts';
import { collect, readAll, record, startConsumer, text, until } from './support.ts';

const PARTITIONS = 6;
const BROKERS = [1, 2, 3];
const KEYS = Array.from({ length: 12 }, (_, index) => `key ${index}`);

/** Appends numbers under each key, one after the other, until told to stop; keeps those that were acknowledged. */
async function load(log: EventLog, topic: string) {
  const writer = await log.writer('load');
  const acknowledged = new Map<string, number>(KEYS.map((key) => [key, 0]));
  let stopping = false;
  const loops = KEYS.map(async (key) => {
    for (let next = 1; !stopping; next += 2) {
      await writer.append(topic, [record(key, `${next}`), record(key, `${next + 1}`)]);
      acknowledged.set(key, next + 1);
    }
  });
  const count = (): number => [...acknowledged.values()].reduce((sum, one) => sum + one, 0);
  return {
    acknowledged,
    /** Resolves when so many more have been acknowledged. */
    async more(wanted: number): Promise<void> {
      const before = count();
      await until(() => count() >= before + wanted);
    },
    async stop(): Promise<void> {
      stopping = true;
      await Promise.all(loops);
    },
  };
}

/** Numbers of each key must be 1, 2, 3, ... up to what was acknowledged. */
function assertComplete(records: readonly LogRecord[], acknowledged: ReadonlyMap<string, number>): void {
  const byKey = Map.groupBy(records, (one) => one.key!);
  for (const [key, last] of acknowledged) {
    const found = byKey.get(key)!.map((one) => Number(text(one)));
    assert.deepEqual(
      found,
      Array.from({ length: last }, (_, index) => index + 1),
      `${key}: lost, doubled or out of order`,
    );
  }
}

describe('event log on three brokers that fail', { skip: lacking('java', 'mvn') }, () => {
  let kafka: TestKafka;
  let harness: KafkaHarness;
  before(async () => {
    kafka = await startKafka({ brokers: 3 });
    harness = await openKafka({
      brokers: [...kafka.brokers],
      replicas: 3,
      inSyncReplicasMin: 2,
      requestTimeoutMs: 3000,
      appendTimeoutMs: 120_000,
      // Two busy cores: nobody is to be taken for dead who is only slow.
      sessionTimeoutMs: 30_000,
      heartbeatMs: 200,
    });
  });
  after(async () => {
    await harness.end();
    await kafka.stop();
  });
  const makeTopic = (name: string): Promise<void> =>
    harness.log.ensureTopics([{ name, partitions: PARTITIONS, cleanup: 'delete' }]);

  for (const client of ['kafkajs', 'platformatic'] as const)
    it(`a leader killed under load (${client}): all acknowledged is there once, in order, and is consumed`, async () => {
      const name = `killed-${client}`;
      await makeTopic(name);
      const log = await harness.another({ client });
      const consumed = await startConsumer(log, { topics: [name], batchRecordsMax: 500 });
      const running = await load(log, name);
      await running.more(500);
      const topic = `${harness.config.prefix}${name}`;
      const leader = await kafka.leaderOf(topic, 0);
      await kafka.kill9(leader);
      await until(async () => ![leader, -1].includes(await kafka.leaderOf(topic, 0)));
      await running.more(1000);
      await kafka.restart(leader);
      await running.more(500);
      await running.stop();
      assertComplete(await readAll(log, name), running.acknowledged);
      const total = [...running.acknowledged.values()].reduce((sum, one) => sum + one, 0);
      const values = () => new Set(consumed.seen.items.map((one) => `${one.key} ${text(one)}`));
      await until(() => consumed.seen.items.length >= total && values().size === total);
      await consumed.consumer.close();
    });

  it('a leader that hangs without closing anything: what waited for it goes to its successor', async () => {
    await makeTopic('hanging');
    const running = await load(harness.log, 'hanging');
    await running.more(300);
    const topic = `${harness.config.prefix}hanging`;
    const leader = await kafka.leaderOf(topic, 0);
    kafka.freeze(leader, true);
    try {
      // Keys of all partitions: also those that it led.
      const before = new Map(running.acknowledged);
      await until(() => KEYS.every((key) => running.acknowledged.get(key)! > before.get(key)! + 20));
    } finally {
      kafka.freeze(leader, false);
    }
    await running.more(300);
    await running.stop();
    assertComplete(await readAll(harness.log, 'hanging'), running.acknowledged);
  });

  it('all brokers away and back: appends wait or say so, consumers go on, nothing is lost', async () => {
    await makeTopic('away');
    const impatient = await harness.another({ appendTimeoutMs: 1500 });
    const hurried = await impatient.writer('hurried');
    const second = await impatient.writer('second');
    await hurried.append('away', [record('hurried', '1')]);
    const consumed = await startConsumer(harness.log, { topics: ['away'], batchRecordsMax: 500 });
    const running = await load(harness.log, 'away');
    await running.more(200);
    await Promise.all(BROKERS.map((broker) => kafka.kill9(broker)));
    await assert.rejects(hurried.append('away', [record('hurried', '2')]), {
      code: 'EVENT_LOG_UNREACHABLE',
    });
    // Who is patient waits past the time-out of others, also where its records have gone out, and has them there once.
    const patient = hurried.append('away', [record('patient', '1')], { patient: true });
    const late = second.append('away', [record('late', '1')]);
    await assert.rejects(late, { code: 'EVENT_LOG_UNREACHABLE' });
    await Promise.all(BROKERS.map((broker) => kafka.restart(broker)));
    await patient;
    await running.more(200);
    await running.stop();
    const there = await readAll(harness.log, 'away');
    assert.equal(there.filter(({ key }) => key === 'patient').length, 1);
    assertComplete(
      there.filter(({ key }) => KEYS.includes(key!)),
      running.acknowledged,
    );
    const total = [...running.acknowledged.values()].reduce((sum, one) => sum + one, 2);
    const values = () => new Set(consumed.seen.items.map((one) => `${one.key} ${text(one)}`));
    await until(() => values().size >= total);
    await consumed.consumer.close();
  });

  it('the controller killed: topics are made and written all the same', async () => {
    await makeTopic('before');
    const running = await load(harness.log, 'before');
    await running.more(100);
    const controller = await kafka.controller();
    await kafka.kill9(controller);
    await makeTopic('after');
    await running.more(200);
    await running.stop();
    const writer = await harness.log.writer('w');
    await writer.append('after', [record('k', 'v')]);
    await kafka.restart(controller);
    assertComplete(await readAll(harness.log, 'before'), running.acknowledged);
    assert.deepEqual((await readAll(harness.log, 'after')).map(text), ['v']);
  });

  it('ten joins and leaves under load: each record is processed, and none twice where all leave in order', async () => {
    await makeTopic('storm');
    const seen = collect<string>();
    const member = async () => {
      const { consumer, failures } = await startConsumer(await harness.another(), {
        topics: ['storm'],
        group: 'storm',
        async onBatch(records) {
          await new Promise(setImmediate);
          seen.add(...records.map((one) => `${one.key} ${text(one)}`));
        },
      });
      return { consumer, failures };
    };
    const running = await load(harness.log, 'storm');
    const lasting = await member();
    for (let round = 0; round < 5; round += 1) {
      const guests = await Promise.all([member(), member()]);
      await running.more(100);
      await Promise.all(guests.map(({ consumer }) => consumer.close()));
      for (const { failures } of guests) assert.deepEqual(failures.items, []);
    }
    await running.stop();
    const total = [...running.acknowledged.values()].reduce((sum, one) => sum + one, 0);
    await until(() => new Set(seen.items).size === total);
    assert.equal(seen.items.length, total, 'processed twice');
    await lasting.consumer.close();
  });

  it('a member killed: another one processes what it had not done', async () => {
    await makeTopic('killed-member');
    const { prefix } = harness.config;
    const child = fork(new URL('../kafka/test/kill-child.ts', import.meta.url), [
      JSON.stringify({ brokers: kafka.brokers, prefix, sessionTimeoutMs: 1500, heartbeatMs: 200 }),
      'killed-member',
    ]);
    const writer = await harness.log.writer('w');
    await once(child, 'message');
    const values = Array.from({ length: 300 }, (_, index) => `${index}`);
    await writer.append(
      'killed-member',
      values.map((value) => record(value, value)),
    );
    const processed = new Set<string>();
    child.on('message', (value) => processed.add(value as string));
    await until(() => processed.size > 0);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const survivor = await startConsumer(harness.log, { topics: ['killed-member'], group: 'kill' });
    await until(() => {
      for (const one of survivor.seen.items) processed.add(text(one)!);
      return processed.size === values.length;
    });
    await survivor.consumer.close();
  });
});
