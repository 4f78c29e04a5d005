import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCodec } from '../../../schemas/codec.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { SessionEvent } from '../../../schemas/types.ts';
import type { NewRecord } from '../../../platform/event-log/event-log.ts';
import { sampleOf } from '../../test/stage.ts';
import { importEvents, type ImportCounts } from '../ndjson.ts';

const codec = createCodec('session-event');

const plainEvent = (fields: object = {}): object => ({
  time: 1_750_000_000_000,
  session: { id: 's1', sequence: 1 },
  requestId: 'r1',
  identity: { id: 'idp/alice', issuer: 'idp', subject: 'alice', displayName: 'Alice', kind: 'human' },
  client: { ip: '203.0.113.9', port: 4711 },
  body: {
    kind: 'request',
    verb: 'query',
    text: 'select 1',
    textLength: 8,
    risk: 'low',
    decision: { decisionId: 'd', outcome: 'allow', rule: 'none', reason: 'imported' },
  },
  ...fields,
});

async function* chunksOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

interface Imported {
  readonly counts: ImportCounts;
  readonly bad: [number, string][];
  readonly records: (NewRecord & { topic: string })[];
  readonly events: SessionEvent[];
  readonly largestAppend: number;
}

async function run(text: string, chunkBytes = 1000): Promise<Imported> {
  const records: (NewRecord & { topic: string })[] = [];
  const bad: [number, string][] = [];
  let largestAppend = 0;
  const counts = await importEvents(chunksOf(text, chunkBytes), {
    writer: {
      async append(topic, added) {
        largestAppend = Math.max(largestAppend, added.length);
        for (const record of added) records.push({ ...record, topic });
        return [];
      },
      async close() {},
    },
    codec,
    onBadLine: ({ line, reason }) => bad.push([line, reason]),
  });
  const events = records.map(({ value }) => {
    const decoded = codec.decode(value!);
    assert.ok(decoded.ok);
    return decoded.value;
  });
  return { counts, bad, records, events, largestAppend };
}

describe('import of NDJSON', () => {
  it('imports events, fills in what only a gateway knows, and keys them by identity', async () => {
    const { counts, records, events } = await run(`${JSON.stringify(plainEvent())}\n`);
    assert.deepEqual(counts, { imported: 1, bad: 0, skipped: 0 });
    assert.deepEqual([records[0]!.topic, records[0]!.key], [TOPICS.sessionEvents.name, 'idp/alice']);
    const [event] = events as [SessionEvent];
    assert.deepEqual({ ...event.gateway }, { id: 'import', epoch: 0, sequence: 0 });
    assert.deepEqual([event.hash, event.previousHash], [Buffer.alloc(32), Buffer.alloc(32)]);
    assert.match(event.eventId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(event.origin, 'import');
  });

  it('lets nothing from a file pass as live', async () => {
    const lines = ['gateway', 'exercise', 'import', 'external'].map((origin) =>
      JSON.stringify(plainEvent({ origin, exerciseId: 'x' })),
    );
    const { events } = await run(lines.join('\n'));
    assert.deepEqual(
      events.map(({ origin, exerciseId }) => [origin, exerciseId]),
      ['import', 'import', 'import', 'external'].map((origin) => [origin, null]),
    );
  });

  it('takes away what marks an exercise as live', async () => {
    const event = codec.toJson(sampleOf<SessionEvent>('session-event', 'request')) as {
      identity: { attributes: Record<string, string> };
    };
    event.identity.attributes = { exercise_live: 'true', exercise_id: 'x', timeZone: 'UTC' };
    const { events } = await run(JSON.stringify(event));
    assert.deepEqual(events[0]!.identity!.attributes, { timeZone: 'UTC' });
  });

  it('keeps ids, hashes and every field of an exported event', async () => {
    for (const kind of ['request', 'response', 'session_opened', 'checkpoint'] as const) {
      const original = sampleOf<SessionEvent>('session-event', kind);
      const { events, bad } = await run(JSON.stringify(codec.toJson(original)));
      assert.deepEqual(bad, []);
      const expected = { ...original, origin: 'import', exerciseId: null } as SessionEvent;
      assert.deepEqual(codec.toJson(events[0]!), codec.toJson(expected));
    }
  });

  it('makes the same ids when the same file comes again, and different ones for equal lines', async () => {
    const file = `${JSON.stringify(plainEvent())}\n`.repeat(3);
    const first = (await run(file)).events.map(({ eventId }) => eventId);
    const second = (await run(file, 7)).events.map(({ eventId }) => eventId);
    assert.deepEqual(first, second);
    assert.equal(new Set(first).size, 3);
  });

  it('keys by source network before login, and pieces of streams by session on their own topic', async () => {
    const body = { kind: 'data', stream: 'out', bytes: 3, digest: Buffer.alloc(32).toString('base64') };
    const refused = { kind: 'session_refused', code: 'X', reason: 'r' };
    const { records } = await run(
      [
        plainEvent({ identity: null, body: refused }),
        plainEvent({ identity: null, body: refused, client: { ip: '2001:db8:7::9', port: 1 } }),
        plainEvent({ identity: null, body: refused, client: { ip: '::ffff:198.51.100.7', port: 1 } }),
        plainEvent({ identity: null, body: refused, client: null }),
        plainEvent({ body }),
      ]
        .map((event) => JSON.stringify(event))
        .join('\n'),
    );
    assert.deepEqual(
      records.map(({ topic, key }) => [topic, key]),
      [
        [TOPICS.sessionEvents.name, 'net:203.0.113.0/24'],
        [TOPICS.sessionEvents.name, 'net:2001:db8:7::/48'],
        [TOPICS.sessionEvents.name, 'net:198.51.100.0/24'],
        [TOPICS.sessionEvents.name, 'gateway:import'],
        [TOPICS.sessionData.name, 's1'],
      ],
    );
  });

  it('names each bad line with its number and reason and imports the others', async () => {
    const good = JSON.stringify(plainEvent());
    const lines = [
      `\ufeff${good}`,
      'not json',
      '',
      `${good}\r`,
      '[1]',
      JSON.stringify(plainEvent({ time: 'yesterday' })),
      JSON.stringify(plainEvent({ stranger: 1 })),
      JSON.stringify(plainEvent({ body: { kind: 'request', verb: 1 } })),
      JSON.stringify(plainEvent({ body: { kind: 'nonsense' } })),
      JSON.stringify(plainEvent({ hash: 'AAAA' })),
      `"${'x'.repeat(1024 * 1024)}"`,
      good,
    ];
    const { counts, bad } = await run(lines.join('\n'), 64 * 1024);
    assert.deepEqual(counts, { imported: 3, bad: 8, skipped: 1 });
    const expected = [
      [2, /no JSON/],
      [5, /no JSON object/],
      [6, /time/],
      [7, /stranger: no such field/],
      [8, /body\.verb/],
      [9, /body\.kind/],
      [10, /hash: expected 32 bytes/],
      [11, /longer than/],
    ] as const;
    assert.deepEqual(
      bad.map(([line]) => line),
      expected.map(([line]) => line),
    );
    expected.forEach(([, pattern], at) => assert.match(bad[at]![1], pattern));
  });

  it('reads lines cut anywhere the same, also inside a character', async () => {
    const file = ['ä', '\u{1f600}', 'plain']
      .map((text) => JSON.stringify(plainEvent({ requestId: text })))
      .join('\r\n');
    const whole = await run(file);
    assert.deepEqual(
      whole.events.map(({ requestId }) => requestId),
      ['ä', '\u{1f600}', 'plain'],
    );
    for (const size of [1, 2, 3, 5]) assert.deepEqual((await run(file, size)).records, whole.records);
  });

  it('writes in bounded batches', async () => {
    const { counts, largestAppend } = await run(`${JSON.stringify(plainEvent())}\n`.repeat(1201), 64 * 1024);
    assert.equal(counts.imported, 1201);
    assert.ok(largestAppend <= 500);
  });

  it('passes the failure of the log on', async () => {
    const failure = new Error('log away');
    await assert.rejects(
      importEvents(chunksOf(JSON.stringify(plainEvent()), 10), {
        writer: { append: async () => Promise.reject(failure), close: async () => undefined },
        codec,
        onBadLine: () => undefined,
      }),
      (error) => error === failure,
    );
  });
});
