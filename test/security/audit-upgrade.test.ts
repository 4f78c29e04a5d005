/** A trail that several versions of the schema have written: its hashes are those of the writers, whatever the schema is today. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createManualClock, createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { createSimulatedDisk } from '../../platform/disk/simulated-disk.ts';
import { createCodec, createCodecOf, type Codec } from '../../schemas/codec.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import {
  createEventWriter,
  newChain,
  setChain,
  type EventDraft,
} from '../../gateway/sessions/event-writer.ts';
import { createSigner } from '../../gateway/sessions/signing-key.ts';
import { checkAuditExport } from '../../main/audit-check.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { quietMetrics } from '../support/quiet-metrics.ts';
import { FRAME_BYTES, HASH_BYTES } from '../../gateway/recording/audit-bytes.ts';
import { createSpool } from '../../gateway/recording/spool.ts';
import { createAuditVerifier, type AuditReport } from '../../gateway/recording/verify.ts';

interface Field {
  name: string;
  type: unknown;
}
type Json = { fields: Field[] };

const today = createCodec('session-event');
/** The schema with one more field in the envelope, before the hash, as an additive change makes it. */
function later(schemaJson: string, name: string): string {
  const schema = JSON.parse(schemaJson) as Json;
  const hash = schema.fields.pop()!;
  schema.fields.push({ name, type: ['null', 'string'], default: null, doc: 'x' } as Field, hash);
  return JSON.stringify(schema);
}
const secondJson = later(today.schemaJson, 'addedSecond');
const thirdJson = later(secondJson, 'addedThird');
const second = createCodecOf('session-event', secondJson, today.schemas);
const third = createCodecOf('session-event', thirdJson, [secondJson, ...today.schemas]);

const random = createSeededRandom(9);
const signer = createSigner(random.bytes(32));

/** One session and its gateway's chain over as many starts as there are codecs, each writing with its own. */
function trail(codecs: readonly Codec<SessionEvent>[] = [today, second, third]): {
  events: Buffer[];
  until: number;
} {
  const clock = createManualClock();
  const disk = createSimulatedDisk({ clock, random });
  const spool = createSpool(
    { disk, clock, log: silentLogger, metrics: quietMetrics },
    { durability: 'process', spoolFolder: '/s', spoolBytesMax: 10_000_000, spoolSegmentBytes: 1_000_000 },
  );
  const gatewayChain = newChain();
  const session = { id: 's', chain: newChain() };
  codecs.forEach((codec, index) => {
    const writer = createEventWriter(
      { spool, codec, clock, random },
      { id: 'gw', epoch: index + 1, gatewayChain },
    );
    const write = (of: typeof session | null): void => {
      const draft: EventDraft = {
        body: { kind: 'heartbeat', openSessions: index, spoolBytes: 0, unaudited: 0 },
        session: of,
        controlRevision: 1,
        identity: null,
        client: null,
        target: null,
      };
      clock.advance(100);
      assert.ok(writer.write(draft).ok);
    };
    for (let n = 0; n < 3; n += 1) {
      write(session);
      write(null);
    }
    const { sequence, hash } = session.chain;
    assert.ok(writer.checkpoint([{ sessionId: session.id, sequence, hash }], signer).ok);
    // As a start does: the chains go on from the hashes in the events.
    setChain(gatewayChain, gatewayChain.sequence, Buffer.from(gatewayChain.hash));
  });
  const events = spool.take(1000, 10_000_000).map(({ entry }) => entry.value);
  return { events, until: clock.now() };
}
const check = (codec: Codec<SessionEvent>, events: readonly Buffer[], completeUntil: number): AuditReport => {
  const options = { publicKeys: { [signer.keyId]: signer.publicKeyPem }, checkpointMs: 500, completeUntil };
  const verifier = createAuditVerifier(codec, options);
  for (const event of events) verifier.take(event);
  return verifier.finish();
};
const kindsOf = ({ problems }: AuditReport): string[] => [...new Set(problems.map(({ kind }) => kind))];

test('events of earlier schemas hold after the schema has changed', () => {
  const { events, until } = trail();
  const fingerprints = new Set(events.map((event) => event.toString('hex', 0, FRAME_BYTES)));
  assert.equal(fingerprints.size, 3, 'three schemas wrote them');
  const report = check(third, events, until);
  assert.deepEqual(report.problems, []);
  assert.deepEqual([report.events, report.checkpoints], [21, 3]);
});

test('what any released version has written holds today', () => {
  assert.ok(today.schemas.length > 0);
  const released = today.schemas.toReversed().map((json) => createCodecOf('session-event', json, []));
  const { events, until } = trail(released);
  const report = check(today, events, until);
  assert.deepEqual(report.problems, []);
  assert.equal(report.events, 7 * released.length);
});

test('a changed event is found, whatever schema wrote it', () => {
  const { events, until } = trail();
  for (const index of [0, 8, 16])
    for (const at of [
      2,
      FRAME_BYTES + 3,
      events[index]!.length - HASH_BYTES - 1,
      events[index]!.length - 1,
    ]) {
      const changed = events.map((event) => Buffer.from(event));
      changed[index]![at]! ^= 1;
      assert.notDeepEqual(check(third, changed, until).problems, [], `event ${index}, byte ${at}`);
    }
});

test('an event cannot be passed off as one of another schema', () => {
  const { events, until } = trail();
  // Without the added fields the bodies differ by their last bytes only; the fingerprint alone is exchanged here.
  const renamed = events.map((event) => Buffer.from(event));
  events[8]!.copy(renamed[0]!, 0, 0, FRAME_BYTES);
  assert.ok(kindsOf(check(third, renamed, until)).some((kind) => kind === 'hash' || kind === 'unreadable'));
  // Read as the other schema and with a body that fits it, the hash is over another digest.
  const body = events[8]!.subarray(FRAME_BYTES);
  const asThird = Buffer.concat([events[16]!.subarray(0, FRAME_BYTES), body.subarray(0, -HASH_BYTES)]);
  const forged = events.with(8, Buffer.concat([asThird, Buffer.of(0), body.subarray(-HASH_BYTES)]));
  assert.ok(kindsOf(check(third, forged, until)).includes('hash'));
});

test('a schema that the auditor’s version does not know is named, not taken for damage', () => {
  const { events, until } = trail();
  const report = check(second, events, until);
  const unreadable = report.problems.filter(({ kind }) => kind === 'unreadable');
  assert.equal(unreadable.length, 7);
  assert.match(unreadable[0]!.detail, /unknown schema/);
  assert.ok(!kindsOf(report).includes('hash'));
});

test('an export is checked offline with the schemas of all versions', async (t) => {
  const { events, until } = trail();
  const folder = mkdtempSync(join(tmpdir(), 'countersign-audit-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const key = { gateway: 'gw', keyId: signer.keyId, publicKey: signer.publicKeyPem, checkpointMs: 500 };
  const head = {
    kind: 'countersign-audit-export',
    ...key,
    keys: [key],
    schemas: third.schemas,
    exportedAt: until,
  };
  const lines = [head, ...events.map((event) => ({ event: event.toString('base64') }))];
  const file = join(folder, 'trail.ndjson');
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const options = { publicKeyPem: signer.publicKeyPem };
  const whole = await checkAuditExport(file, options, third);
  assert.deepEqual(whole.problems, []);
  assert.deepEqual([whole.events, whole.checkpoints], [21, 3]);
  // This version knows neither of the later schemas, and does not believe those in the export.
  const old = await checkAuditExport(file, options);
  assert.ok(!old.ok && old.problems.every(({ kind }) => kind !== 'hash'));
});
