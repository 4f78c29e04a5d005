import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createCodec } from '../codec.ts';
import { rabinFingerprint } from '../rabin-fingerprint.ts';
import type { SessionEvent, Verdict } from '../types.ts';

const verdict: Verdict = {
  time: 1_770_000_000_000,
  body: { kind: 'passed', partition: 3, offset: 99, spoken: [{ eventId: 'e', detectionIds: ['d1', 'd2'] }] },
};

const heartbeat: SessionEvent = {
  eventId: '01890000-0000-7000-8000-000000000000',
  time: 1_770_000_000_000,
  origin: 'gateway',
  exerciseId: null,
  gateway: { id: 'g1', epoch: 2, sequence: 7 },
  session: null,
  requestId: null,
  controlRevision: 4,
  identity: null,
  client: null,
  target: null,
  body: { kind: 'heartbeat', openSessions: 1, spoolBytes: 2, unaudited: 0 },
  gatewayChain: { sequence: 7, previousHash: Buffer.alloc(32, 1) },
  previousHash: Buffer.alloc(32),
  hash: Buffer.alloc(32, 2),
};

describe('schemas: codec', () => {
  const verdicts = createCodec('verdict');
  const events = createCodec('session-event');

  it('fingerprints as the Avro specification does', () => {
    // Reference value of the Java implementation's test vectors for the schema "null".
    assert.equal(rabinFingerprint('"null"').readBigUInt64LE().toString(16), '63dd24e7cc258f8a');
  });
  it('brings a record back', () => {
    const read = verdicts.decode(verdicts.encode(verdict));
    assert.ok(read.ok);
    assert.deepEqual(verdicts.toJson(read.value), verdicts.toJson(verdict));
  });
  it('puts the hash last, so that it can be filled in', () => {
    assert.deepEqual(events.encode(heartbeat).subarray(-32), heartbeat.hash);
  });
  it('reads its own JSON form', () => {
    const json = JSON.parse(JSON.stringify(events.toJson(heartbeat))) as unknown;
    const read = events.fromJson(json);
    assert.ok(read.ok);
    assert.deepEqual(events.encode(read.value), events.encode(heartbeat));
  });
  it('names the field of a JSON form that does not fit', () => {
    const json = events.toJson(heartbeat) as Record<string, unknown>;
    assert.deepEqual(events.fromJson({ ...json, time: 'now' }), {
      ok: false,
      reason: 'time: expected an integer, got "now"',
    });
    assert.deepEqual(events.fromJson({ ...json, body: { kind: 'nonsense' } }), {
      ok: false,
      reason: 'body.kind: expected a known kind, got "nonsense"',
    });
    assert.deepEqual(events.fromJson({ ...json, extra: 1 }), { ok: false, reason: 'extra: no such field' });
  });
  it('says of a record framed for a schema registry what it is', () => {
    const framed = Buffer.concat([Buffer.of(0, 0, 0, 0, 42), verdicts.encode(verdict).subarray(10)]);
    const read = verdicts.decode(framed);
    assert.ok(!read.ok);
    assert.match(read.reason, /schema registry \(id 42\)/);
  });
  it('answers garbage with a reason, whatever it is', () => {
    const good = verdicts.encode(verdict);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(good.length - 1),
        fc.nat(255),
        (noise, at, byte) => {
          const broken = Buffer.from(good);
          broken[at] = byte;
          for (const bytes of [noise, broken, Buffer.concat([good.subarray(0, 10), noise])]) {
            const read = verdicts.decode(bytes);
            if (!read.ok) assert.ok(read.reason.length > 0);
          }
        },
      ),
    );
  });
});
