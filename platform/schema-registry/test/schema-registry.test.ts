/** Against a real registry with Confluent's API (Apicurio). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import avro from 'avsc';
import { eventHash } from '../../../gateway/recording/audit-bytes.ts';
import { createCodec } from '../../../schemas/codec.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { SessionEvent, Verdict } from '../../../schemas/types.ts';
import { ownSchema } from '../../../schemas/writer-schema.ts';
import { lacking } from '../../../test/servers/available.ts';
import { startRegistry, type TestRegistry } from '../../../test/servers/registry/registry.ts';
import { isCountersignError } from '../../errors/errors.ts';
import { frameForRegistry } from '../framed-event-log.ts';
import { append, byTheBook, open, openLog, readAll } from './support.ts';

const verdicts = TOPICS.verdicts.name;
const subject = `${verdicts}-value`;
const codec = createCodec('verdict');
type Schema = { fields: { name: string; type: unknown; default?: unknown }[] };
const schemaOf = (name: string): Schema =>
  JSON.parse(readFileSync(new URL(`../../../schemas/avro/${name}.avsc`, import.meta.url), 'utf8')) as Schema;
const verdict = (offset: number): Verdict => ({
  time: 1_700_000_000_000,
  body: { kind: 'passed', partition: 0, offset, spoken: [] },
});
const offsetsOf = (records: readonly { value: Uint8Array | null }[]): number[] =>
  records.map(({ value }) => {
    const read = codec.decode(value!);
    assert.ok(read.ok, read.ok ? '' : read.reason);
    assert.equal(read.value.body.kind, 'passed');
    return (read.value.body as { offset: number }).offset;
  });
const hasCode =
  (code: string, ...texts: RegExp[]) =>
  (error: unknown) => {
    assert.ok(isCountersignError(error, code), String(error));
    for (const text of texts) assert.match(error.message, text);
    return true;
  };

/** A body of ours and one more field with a default: what a newer version would write. */
function newer(): { schema: Schema; record: (id: number, offset: number) => Buffer } {
  const schema = schemaOf('verdict');
  schema.fields.push({ name: 'added', type: 'string', default: '' });
  const type = avro.Type.forSchema(schema as unknown as avro.Schema, { wrapUnions: 'auto' });
  const record = (id: number, offset: number): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(id, 1);
    // The old body, and the new field after it: that is what Avro makes of an appended field.
    return Buffer.concat([
      head,
      codec.encode(verdict(offset)).subarray(10),
      Buffer.of(6),
      Buffer.from('new'),
    ]);
  };
  assert.ok(type.fromBuffer(record(1, 1).subarray(5)));
  return { schema, record };
}

describe('schema registry', { skip: lacking('java', 'mvn') }, () => {
  let server: TestRegistry;
  before(async () => (server = await startRegistry()));
  after(() => server?.stop());
  beforeEach(() => byTheBook(server.url).clear());

  it('registers each topic once, with its level, and finds it again', async (t) => {
    await open(t, [server.url]);
    const client = byTheBook(server.url);
    const subjects = Object.values(TOPICS).map(({ name }) => `${name}-value`);
    assert.deepEqual(((await client.call('GET', '/subjects')) as string[]).sort(), subjects.sort());
    assert.deepEqual(await client.call('GET', `/config/${subject}`), { compatibilityLevel: 'BACKWARD' });
    await open(t, ['http://127.0.0.1:1', server.url], { autoRegister: false });
    for (const name of subjects) assert.equal((await client.versions(name)).length, 1, name);
  });

  it('copies that start at once come to the same ids', async (t) => {
    const copies = await Promise.all([1, 2, 3].map(() => open(t, [server.url])));
    const { fingerprint } = ownSchema('verdict');
    const ids = new Set(copies.map((registry) => registry.idOf(verdicts, fingerprint)));
    assert.equal(ids.size, 1);
    assert.ok(![...ids].includes(undefined));
  });

  it('does not register what it is told not to', async (t) => {
    await assert.rejects(
      open(t, [server.url], { autoRegister: false }),
      hasCode('SCHEMA_REGISTRY_NOT_REGISTERED', /session-event/),
    );
    assert.deepEqual(await byTheBook(server.url).call('GET', '/subjects'), []);
  });

  it('refuses the start over an incompatible version, says what differs, and changes nothing', async (t) => {
    const client = byTheBook(server.url);
    const other = schemaOf('verdict');
    other.fields.find(({ name }) => name === 'time')!.type = 'string';
    await client.register(subject, other);
    await assert.rejects(
      open(t, [server.url]),
      hasCode('SCHEMA_REGISTRY_INCOMPATIBLE', /verdict/, /version \d/, /string/),
    );
    assert.equal((await client.versions(subject)).length, 1);
    assert.deepEqual(await client.call('GET', '/subjects'), [subject], 'nor has any other subject been made');
  });

  it('refuses the start where the registry finds a break that reading alone would not show', async (t) => {
    const client = byTheBook(server.url);
    const earlier = schemaOf('verdict');
    // Level FULL: readers with the earlier schema must read ours too, and they would miss this field.
    earlier.fields.push({ name: 'gone', type: 'string' });
    await client.register(subject, earlier);
    await client.call('PUT', `/config/${subject}`, { compatibility: 'FULL' });
    await assert.rejects(open(t, [server.url]), hasCode('SCHEMA_REGISTRY_INCOMPATIBLE', /gone|field/));
    assert.equal((await client.versions(subject)).length, 1);
    assert.deepEqual(await client.call('GET', `/config/${subject}`), { compatibilityLevel: 'FULL' });
  });

  it('adds a version beside an earlier one that ours reads', async (t) => {
    const client = byTheBook(server.url);
    const earlier = schemaOf('verdict');
    earlier.fields.push({ name: 'dropped', type: 'string', default: '' });
    await client.register(subject, earlier);
    await open(t, [server.url]);
    assert.equal((await client.versions(subject)).length, 2);
  });

  it('frames records so that another client reads them, and hashes stay as they were', async (t) => {
    const raw = await openLog(t);
    const framed = frameForRegistry(raw, await open(t, [server.url]));
    await append(framed, verdicts, codec.encode(verdict(7)));
    const [record] = await readAll(raw, verdicts);
    const bytes = Buffer.from(record!.value!);
    assert.equal(bytes[0], 0);
    const { schema } = (await byTheBook(server.url).call('GET', `/schemas/ids/${bytes.readUInt32BE(1)}`)) as {
      schema: string;
    };
    const read = avro.Type.forSchema(JSON.parse(schema) as avro.Schema).fromBuffer(bytes.subarray(5)) as {
      time: number;
    };
    assert.equal(read.time, verdict(7).time);
    assert.deepEqual(offsetsOf(await readAll(framed, verdicts)), [7]);

    const events = createCodec('session-event');
    const json = {
      eventId: 'e',
      time: 1,
      origin: 'gateway',
      gateway: { id: 'g', epoch: 1, sequence: 1 },
      body: { kind: 'heartbeat', openSessions: 0, spoolBytes: 0, unaudited: 0 },
      previousHash: Buffer.alloc(32).toString('base64'),
      hash: Buffer.alloc(32).toString('base64'),
    };
    const made = events.fromJson(json);
    assert.ok(made.ok, made.ok ? '' : made.reason);
    const event: SessionEvent = made.value;
    const hash = eventHash(events.schemaDigest, events.encode(event));
    await append(framed, TOPICS.sessionEvents.name, events.encode({ ...event, hash }));
    const [stored] = await readAll(raw, TOPICS.sessionEvents.name);
    const [seen] = await readAll(framed, TOPICS.sessionEvents.name);
    assert.equal(stored!.value![0], 0);
    assert.deepEqual(Buffer.from(seen!.value!), events.encode({ ...event, hash }));
    assert.deepEqual(eventHash(events.schemaDigest, seen!.value!), hash);
  });

  it('reads what a newer version registers and writes meanwhile', async (t) => {
    const raw = await openLog(t);
    const framed = frameForRegistry(raw, await open(t, [server.url]));
    const { schema, record } = newer();
    const id = await byTheBook(server.url).register(subject, schema);
    await append(raw, verdicts, record(id, 11), codec.encode(verdict(12)));
    assert.deepEqual(offsetsOf(await readAll(framed, verdicts)), [11, 12]);
    // The next start knows both, and writes with its own.
    const again = frameForRegistry(raw, await open(t, [server.url]));
    assert.deepEqual(offsetsOf(await readAll(again, verdicts)), [11, 12]);
  });

  it('passes poison on as it is', async (t) => {
    const raw = await openLog(t);
    const framed = frameForRegistry(raw, await open(t, [server.url]));
    const foreign = await byTheBook(server.url).register('other-value', {
      type: 'record',
      name: 'Other',
      fields: [],
    });
    const unknown = Buffer.from([0, 0x7f, 0, 0, 1, 9, 9]);
    const other = Buffer.from([0, 0, 0, 0, foreign, 9, 9]);
    const poison = [unknown, other, Buffer.alloc(0), Buffer.from([0]), Buffer.from('no Avro at all')];
    await append(framed, verdicts, ...poison, codec.encode(verdict(3)));
    const seen = (await readAll(framed, verdicts)).map(({ value }) => Buffer.from(value!));
    assert.deepEqual(seen.slice(0, -1), poison);
    assert.deepEqual(offsetsOf([{ value: seen.at(-1)! }]), [3]);
  });
});
