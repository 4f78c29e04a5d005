import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createCodec } from '../../schemas/codec.ts';
import { DOCUMENT_MAPPINGS } from '../../schemas/ecs/documents.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { DeadLetter, Incident, SessionEvent } from '../../schemas/types.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import type { Role } from '../../platform/lifecycle/role.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import type { SearchIndex } from '../../platform/search-index/search-index.ts';
import { createIngestRole } from '../ingest-role.ts';
import { clock, ingestConfig, openStage, sampleOf, type Stage } from './stage.ts';
import { until } from '../../test/support/until.ts';

const events = createCodec('session-event');
const EVENTS = TOPICS.sessionEvents.name;

async function startIngest(
  t: TestContext,
  stage: Stage,
  searchIndex: SearchIndex = stage.searchIndex,
): Promise<Role> {
  const { eventLog, metrics } = stage;
  const role = createIngestRole({ eventLog, searchIndex, log: silentLogger, metrics, clock }, ingestConfig());
  await role.start();
  t.after(() => role.stop(1000));
  return role;
}

const eventNamed = (eventId: string): Buffer =>
  events.encode({ ...sampleOf<SessionEvent>('session-event', 'request'), eventId });

const count = (stage: Stage, index: string): Promise<number> => stage.searchIndex.count({ index });

async function readDeadLetters(stage: Stage): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  const reader = await stage.eventLog.read({
    topic: TOPICS.deadLetters.name,
    onRecords(records) {
      for (const { value } of records) {
        const decoded = createCodec('dead-letter').decode(value!);
        assert.ok(decoded.ok);
        letters.push(decoded.value);
      }
    },
    onFailure: (error) => assert.fail(String(error)),
  });
  await reader.caughtUp();
  await reader.close();
  return letters;
}

describe('ingest role', () => {
  it('makes a record of every topic searchable, also those written before its start', async (t) => {
    const stage = await openStage(t);
    const append = async (key: string): Promise<void> => {
      for (const { topic, schema } of DOCUMENT_MAPPINGS)
        await stage.append(topic, key, [createCodec(schema).encode(sampleOf<never>(schema))]);
    };
    await append('before');
    const role = await startIngest(t, stage);
    await append('after: the same records again');
    await stage.append(EVENTS, 'k', [eventNamed('last')]);
    for (const { index, topic } of DOCUMENT_MAPPINGS) {
      const documents = index === 'session-events' ? 2 : 1;
      await until(index, async () => (await count(stage, index)) === documents);
      const { hits } = await stage.searchIndex.search({ index, limit: 10 });
      assert.equal(hits[0]!.document['event.dataset'], topic);
    }
    assert.deepEqual(role.health(), { ready: true });
    await role.stop(1000);
    assert.equal(role.health().ready, false);
  });

  it('keeps the newest version of an incident, and what a tombstone forgets', async (t) => {
    const stage = await openStage(t);
    const incident = sampleOf<Incident>('incident');
    const at = (version: number): Buffer => createCodec('incident').encode({ ...incident, version });
    await startIngest(t, stage);
    await stage.append(TOPICS.incidents.name, 'i', [at(1), at(3), at(2), null]);
    const version = async (): Promise<unknown> =>
      (await stage.searchIndex.get('incidents', incident.incidentId))?.['countersign.incident.version'];
    await until('version 3', async () => (await version()) === 3);
    await stage.append(TOPICS.incidents.name, 'i', [at(4)]);
    await until('version 4', async () => (await version()) === 4);
  });

  it('gives what it cannot read or index to dead-letters and moves on', async (t) => {
    const stage = await openStage(t);
    const tooLong = eventNamed('x'.repeat(600));
    await startIngest(t, stage);
    await stage.append(EVENTS, 'k', [eventNamed('a'), Buffer.from('garbage'), tooLong, eventNamed('b')]);
    await until('both good ones', async () => (await count(stage, 'session-events')) === 2);
    await until('both dead letters', async () => (await count(stage, 'dead-letters')) === 2);
    const letters = (await readDeadLetters(stage)).toSorted((a, b) => a.sourceOffset - b.sourceOffset);
    assert.deepEqual(
      letters.map(({ sourceTopic, stage, code }) => [sourceTopic, stage, code]),
      [
        [EVENTS, 'ingest/index', 'INGEST_UNREADABLE'],
        [EVENTS, 'ingest/index', 'INGEST_REJECTED'],
      ],
    );
    assert.deepEqual(letters[0]!.value, Buffer.from('garbage'));
    assert.match(letters[0]!.reason, /no Avro frame/);
    assert.deepEqual(letters[1]!.value, tooLong);
    assert.match(letters[1]!.reason, /512 bytes/);
  });

  it('survives an unreadable record in dead-letters itself', async (t) => {
    const stage = await openStage(t);
    await startIngest(t, stage);
    await stage.append(TOPICS.deadLetters.name, 'k', [Buffer.from('not a dead letter')]);
    await until('its own dead letter', async () => (await count(stage, 'dead-letters')) === 1);
    const { hits } = await stage.searchIndex.search({ index: 'dead-letters', limit: 10 });
    assert.equal(hits[0]!.document['countersign.dead_letter.topic'], TOPICS.deadLetters.name);
  });

  it('waits while the index is away, says so, and drops nothing', async (t) => {
    const stage = await openStage(t);
    let away = true;
    let failures = 0;
    const flaky: SearchIndex = {
      ...stage.searchIndex,
      async create(index, items) {
        if (!away) return stage.searchIndex.create(index, items);
        failures += 1;
        throw new Error('connection refused');
      },
    };
    const role = await startIngest(t, stage, flaky);
    const ids = Array.from({ length: 120 }, (_, n) => `e${n}`);
    for (const id of ids) await stage.append(EVENTS, id, [eventNamed(id)]);
    await until('some attempts', () => failures >= 5);
    assert.equal(role.health().ready, false);
    assert.match(role.health().reason!, /session-events: connection refused/);
    assert.equal(await count(stage, 'session-events'), 0);
    away = false;
    await until('all', async () => (await count(stage, 'session-events')) === ids.length);
    await until('health', () => role.health().ready);
    assert.equal(await count(stage, 'dead-letters'), 0);
  });

  it('starts a consumer again that the log has stopped', async (t) => {
    const stage = await openStage(t);
    const failures: ((error: unknown) => void)[] = [];
    const eventLog: EventLog = {
      ...stage.eventLog,
      consume(options) {
        if (options.topics[0] === EVENTS) failures.push((error) => options.onFailure(error));
        return stage.eventLog.consume(options);
      },
    };
    const role = await startIngest(t, { ...stage, eventLog });
    await stage.append(EVENTS, 'k', [eventNamed('a')]);
    await until('the first', async () => (await count(stage, 'session-events')) === 1);
    failures[0]!(new Error('broker away'));
    assert.match(role.health().reason!, /broker away/);
    await until('a new consumer', () => failures.length === 2 && role.health().ready);
    await stage.append(EVENTS, 'k', [eventNamed('b')]);
    await until('the second', async () => (await count(stage, 'session-events')) === 2);
  });

  it('indexes after the next start what it could not before it was stopped', async (t) => {
    const stage = await openStage(t);
    let failures = 0;
    const away: SearchIndex = {
      ...stage.searchIndex,
      async create() {
        failures += 1;
        throw new Error('away');
      },
    };
    const first = await startIngest(t, stage, away);
    await stage.append(EVENTS, 'k', [eventNamed('a'), eventNamed('b')]);
    await until('an attempt', () => failures > 0);
    await first.stop(1000);
    await startIngest(t, stage);
    await until('both', async () => (await count(stage, 'session-events')) === 2);
  });
});
