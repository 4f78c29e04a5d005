/** Dead letters on a real log and control store. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import Value from 'typebox/value';
import { createManualClock } from '../../../platform/clock/manual-clock.ts';
import { createSystemRandom } from '../../../platform/clock/system-clock.ts';
import { createInProcessControlStore } from '../../../platform/control-store/sqlite/sqlite-control-store.ts';
import { createDeadLetters } from '../../../platform/dead-letters/dead-letters.ts';
import { createNodeDisk } from '../../../platform/disk/node-disk.ts';
import { isCountersignError } from '../../../platform/errors/errors.ts';
import { createEmbeddedEventLog } from '../../../platform/event-log/embedded/embedded-event-log.ts';
import type { LogRecord, LogWriter, NewRecord } from '../../../platform/event-log/event-log.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../../platform/metrics/prom-metrics.ts';
import type { SearchIndex } from '../../../platform/search-index/search-index.ts';
import { REPLAY_HEADER } from '../../../schemas/api/dead-letters.ts';
import type { DeadLetterQuery } from '../../../schemas/api/dead-letters.ts';
import { createCodec } from '../../../schemas/codec.ts';
import { ControlStoreConfig } from '../../../schemas/config/control-store.ts';
import { EventLogConfig } from '../../../schemas/config/event-log.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import { createDeadLettersService } from '../service.ts';

const EVENTS = TOPICS.sessionEvents.name;

async function open(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'dead-letters-'));
  const clock = createManualClock(1_700_000_000_000);
  const metrics = createPromMetrics();
  const log = createEmbeddedEventLog(
    { disk: createNodeDisk(), clock, random: createSystemRandom(), log: silentLogger, metrics },
    { ...(Value.Default(EventLogConfig, {}) as EventLogConfig), folder },
  );
  await log.ensureTopics(
    Object.values(TOPICS).map(({ name, partitions }) => ({
      name,
      partitions: partitions === 'single' ? 1 : 3,
      cleanup: 'delete',
    })),
  );
  const config = { ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig), file: ':memory:' };
  const store = createInProcessControlStore({ clock }, config);
  const writer = await log.writer('test');
  const service = createDeadLettersService({ store, eventLog: log, clock, search: {} as SearchIndex });
  const letters = createDeadLetters({ writer, clock, log: silentLogger, metrics });
  t.after(async () => {
    await store.close();
    await log.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const all = async (topic: string): Promise<LogRecord[]> => {
    const found: LogRecord[] = [];
    const onFailure = (error: unknown): void => assert.fail(String(error));
    const reader = await log.read({ topic, onRecords: (records) => void found.push(...records), onFailure });
    await reader.caughtUp();
    await reader.close();
    return found;
  };
  return {
    clock,
    service,
    writer,
    all,
    replays: async (topic: string) =>
      (await all(topic)).filter(({ headers }) => headers[REPLAY_HEADER] !== undefined),
    /** Appends a record and gives it up. Returns the letter's id. */
    async giveUp(record: NewRecord, topic: string = EVENTS): Promise<string> {
      const [position] = await writer.append(topic, [record]);
      const { partition, offset } = position!;
      const { key, value, headers = {} } = record;
      const given: LogRecord = { topic, partition, offset, key, value, headers, timestamp: clock.now() };
      await letters.give(given, 'detectors', 'DETECTORS_EVENT_UNREADABLE', 'no Avro frame');
      return `${topic}/${partition}/${offset}/detectors`;
    },
    async replay(id: string, by = 'admin', through: LogWriter = writer) {
      const letter = (await service.find([id])).get(id);
      assert.ok(letter !== undefined, `${id} is found`);
      return service.replay(letter, by, through);
    },
  };
}
const hasCode = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(isCountersignError(error, code), String(error));
  assert.match(error.message, text);
  return true;
};

it('a record goes to its topic once more with key, bytes and headers, once', async (t) => {
  const world = await open(t);
  const value = Buffer.from('no Avro at all');
  const id = await world.giveUp({ key: 'issuer/someone', value, headers: { of: 'before' } });
  const first = await world.replay(id);
  assert.equal(first.before, false);
  const second = await world.replay(id, 'another');
  assert.deepEqual(second, { before: true, replayed: first.replayed });
  const [record, ...others] = await world.replays(EVENTS);
  assert.equal(others.length, 0);
  assert.equal(record!.key, 'issuer/someone');
  assert.deepEqual(Buffer.from(record!.value!), value);
  assert.deepEqual(record!.headers, { of: 'before', [REPLAY_HEADER]: id });
  assert.equal(record!.offset, first.replayed.offset);
  const letter = (await world.service.find([id])).get(id)!;
  assert.deepEqual((await world.service.describe(letter)).replayed, first.replayed);
});

it('whoever dies after the append has replayed it: the next one finds the record in the topic', async (t) => {
  const world = await open(t);
  const id = await world.giveUp({ key: 'k', value: Buffer.from('x') });
  const dying: LogWriter = {
    async append(topic, records) {
      await world.writer.append(topic, records);
      throw new Error('the process is gone');
    },
    close: () => Promise.resolve(),
  };
  await assert.rejects(world.replay(id, 'first', dying), /gone/);
  const after = await world.replay(id, 'second');
  assert.equal(after.before, true);
  assert.equal((await world.replays(EVENTS)).length, 1);
});

it('two at once: one writes', async (t) => {
  const world = await open(t);
  const id = await world.giveUp({ key: 'k', value: Buffer.from('x') });
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((by) => world.replay(id, by)));
  assert.equal((await world.replays(EVENTS)).length, 1);
  const written = outcomes.filter((each) => each.status === 'fulfilled' && !each.value.before);
  assert.equal(written.length, 1);
  for (const each of outcomes)
    if (each.status === 'rejected') assert.ok(isCountersignError(each.reason, 'DEAD_LETTER_UNDER_WAY'));
});

it('an owner who hangs is taken over after a minute', async (t) => {
  const world = await open(t);
  const id = await world.giveUp({ key: 'k', value: Buffer.from('x') });
  let reached = (): void => undefined;
  const hangs = new Promise<void>((resolve) => (reached = resolve));
  const hanging: LogWriter = {
    append: () => {
      reached();
      return new Promise(() => undefined);
    },
    close: () => Promise.resolve(),
  };
  // It never ends.
  world.replay(id, 'first', hanging).catch(assert.fail);
  await hangs;
  await assert.rejects(world.replay(id, 'second'), hasCode('DEAD_LETTER_UNDER_WAY', /first/));
  world.clock.advance(60_001);
  assert.equal((await world.replay(id, 'second')).before, false);
  assert.equal((await world.replays(EVENTS)).length, 1);
});

it('without a key it stays in its partition', async (t) => {
  const world = await open(t);
  const id = await world.giveUp({ key: null, value: Buffer.from('x'), partition: 2 });
  assert.equal((await world.replay(id)).replayed.partition, 2);
});

it('what must not come again is refused, and nothing is written', async (t) => {
  const world = await open(t);
  const control = await world.giveUp({ key: 'k', value: Buffer.from('x') }, TOPICS.control.name);
  await assert.rejects(world.replay(control), hasCode('DEAD_LETTER_NOT_REPLAYABLE', /control store/));
  const incidents = TOPICS.incidents.name;
  const stale = await world.giveUp({ key: 'incident', value: Buffer.from('old') }, incidents);
  await world.writer.append(incidents, [{ key: 'incident', value: Buffer.from('new') }]);
  await assert.rejects(world.replay(stale), hasCode('DEAD_LETTER_NOT_REPLAYABLE', /later record/));
  const fresh = await world.giveUp({ key: 'another', value: Buffer.from('last') }, incidents);
  assert.equal((await world.replay(fresh)).before, false);

  const codec = createCodec('dead-letter');
  const forge = async (change: object): Promise<string> => {
    const id = await world.giveUp({ key: 'k', value: Buffer.from('x') });
    const letter = (await world.service.find([id])).get(id)!;
    const forged = { ...letter, stage: 'forged', ...change };
    await world.writer.append(TOPICS.deadLetters.name, [
      { key: forged.sourceTopic, value: codec.encode(forged) },
    ]);
    return `${forged.sourceTopic}/${forged.sourcePartition}/${forged.sourceOffset}/forged`;
  };
  for (const [change, text] of [
    [{ value: Buffer.from('something else') }, /not what stands/],
    [{ sourceTopic: 'elsewhere' }, /no topic of/],
    [{ sourcePartition: 99 }, /no partition 99/],
  ] as const)
    await assert.rejects(world.replay(await forge(change)), hasCode('DEAD_LETTER_NOT_REPLAYABLE', text));
  for (const topic of [EVENTS, TOPICS.control.name]) assert.equal((await world.replays(topic)).length, 0);
});

it('lists from the log, newest first, each once, by what is asked', async (t) => {
  const world = await open(t);
  const ids: string[] = [];
  for (let number = 0; number < 12; number += 1) {
    world.clock.advance(1000);
    const topic = number % 2 === 0 ? EVENTS : TOPICS.detections.name;
    ids.unshift(await world.giveUp({ key: `k${number}`, value: Buffer.of(number) }, topic));
  }
  const list = async (query: Partial<DeadLetterQuery>): Promise<string[]> => {
    const asked = { limit: 100, state: 'waiting' as const, source: 'log' as const, ...query };
    return (await world.service.list(asked)).items.map(({ id }) => id);
  };
  assert.deepEqual(await list({}), ids);
  assert.deepEqual(await list({ limit: 3 }), ids.slice(0, 3));
  assert.deepEqual(
    await list({ topic: EVENTS }),
    ids.filter((id) => id.startsWith(EVENTS)),
  );
  assert.deepEqual(await list({ stage: 'elsewhere' }), []);
  await world.replay(ids[0]!);
  assert.deepEqual(await list({}), ids.slice(1));
  assert.deepEqual(await list({ state: 'replayed' }), ids.slice(0, 1));
});

it('shows what can be read as JSON, and of the rest no secret', async (t) => {
  const world = await open(t);
  const show = async (value: Uint8Array, topic: string = EVENTS) => {
    const id = await world.giveUp({ key: 'k', value }, topic);
    return world.service.describe((await world.service.find([id])).get(id)!);
  };
  const verdict = createCodec('verdict').encode({
    time: 5,
    body: { kind: 'passed', partition: 1, offset: 2, spoken: [] },
  });
  assert.deepEqual((await show(verdict, TOPICS.verdicts.name)).decoded, {
    time: 5,
    body: { kind: 'passed', partition: 1, offset: 2, spoken: [] },
  });
  const secrets = [
    'cst_0123456789abcdefghjkmnpqrs_t0psecrett0psecret',
    "alter role a password 'hunter2hunter2'",
    'postgres://app:hunter2hunter2@db/prod',
    'Authorization: Bearer hunter2hunter2',
    '{"api_key":"hunter2hunter2"}',
    '-----BEGIN PRIVATE KEY-----\nhunter2hunter2\n-----END PRIVATE KEY-----',
  ];
  for (const secret of secrets) {
    const { dump, decoded, problem } = await show(Buffer.from(`before ${secret}`));
    assert.equal(decoded, null);
    assert.match(problem!, /no Avro frame/);
    const text = dump.map((line) => line.replace(/^.*\|(.*)\|$/, '$1')).join('');
    const bytes = dump.map((line) => line.slice(10, 57)).join(' ');
    assert.match(text, /^before /);
    assert.doesNotMatch(text, /hunter2|t0psecret/, secret);
    assert.doesNotMatch(
      bytes,
      new RegExp(Buffer.from('hunter2').toString('hex').match(/../g)!.join(' ')),
      secret,
    );
  }
  const long = await show(Buffer.alloc(10_000, 0xff));
  assert.equal(long.dump.length, 4096 / 16 + 1);
  assert.match(long.dump.at(-1)!, /5904 bytes more/);
});
