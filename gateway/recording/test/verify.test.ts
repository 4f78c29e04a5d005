import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock, createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import { createSimulatedDisk } from '../../../platform/disk/simulated-disk.ts';
import { createCodec } from '../../../schemas/codec.ts';
import type { SessionEvent } from '../../../schemas/types.ts';
import { createEventWriter, newChain, type EventDraft } from '../../sessions/event-writer.ts';
import { createSigner } from '../../sessions/signing-key.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { quietMetrics } from '../../../test/support/quiet-metrics.ts';
import { createSpool } from '../spool.ts';
import { createAuditVerifier, type AuditOptions, type AuditReport } from '../verify.ts';

const codec = createCodec('session-event');
const random = createSeededRandom(4);
const signer = createSigner(random.bytes(32));

/** Two sessions of eight requests each, with a checkpoint after every fourth event and one at the end. */
function trail(): { events: Buffer[]; until: number } {
  const clock = createManualClock();
  const disk = createSimulatedDisk({ clock, random });
  const spool = createSpool(
    { disk, clock, log: silentLogger, metrics: quietMetrics },
    { durability: 'process', spoolFolder: '/s', spoolBytesMax: 10_000_000, spoolSegmentBytes: 1_000_000 },
  );
  const writer = createEventWriter(
    { spool, codec, clock, random },
    { id: 'gw', epoch: 3, gatewayChain: newChain() },
  );
  const sessions = ['a', 'b'].map((id) => ({ id, chain: newChain() }));
  const draft = (session: (typeof sessions)[number], body: SessionEvent['body']): EventDraft => ({
    body,
    session,
    controlRevision: 1,
    identity: null,
    client: null,
    target: null,
  });
  const checkpoint = (): void => {
    const heads = sessions.map(({ id, chain }) => ({
      sessionId: id,
      sequence: chain.sequence,
      hash: chain.hash,
    }));
    assert.ok(writer.checkpoint(heads, signer).ok);
  };
  for (const session of sessions)
    writer.write(
      draft(session, {
        kind: 'session_opened',
        authentication: 'x',
        tls: true,
        targetSession: null,
        recordingId: null,
      }),
    );
  for (let n = 0; n < 16; n += 1) {
    clock.advance(100);
    writer.write(
      draft(sessions[n % 2]!, { kind: 'heartbeat', openSessions: n, spoolBytes: 0, unaudited: 0 }),
    );
    if (n % 4 === 3) checkpoint();
  }
  const batch = spool.take(1000, 10_000_000);
  return { events: batch.map(({ entry }) => entry.value), until: clock.now() };
}
const options: AuditOptions = { publicKeys: { [signer.keyId]: signer.publicKeyPem }, checkpointMs: 500 };
const check = (events: readonly Buffer[], extra: Partial<AuditOptions> = {}): AuditReport => {
  const verifier = createAuditVerifier(codec, { ...options, ...extra });
  for (const event of events) verifier.take(event);
  return verifier.finish();
};

test('an untouched trail verifies', () => {
  const { events, until } = trail();
  const report = check(events, { completeUntil: until });
  assert.deepEqual(report.problems, []);
  assert.equal(report.events, 22);
  assert.equal(report.checkpoints, 4);
});

test('any changed byte of any event is found', () => {
  const { events, until } = trail();
  for (let index = 0; index < events.length; index += 1) {
    for (const at of [0, 12, 40, events[index]!.length - 40, events[index]!.length - 1]) {
      const changed = events.map((event) => Buffer.from(event));
      changed[index]![at]! ^= 1;
      assert.notEqual(
        check(changed, { completeUntil: until }).problems.length,
        0,
        `event ${index}, byte ${at}`,
      );
    }
  }
});

test('any dropped event is found, also the last', () => {
  const { events, until } = trail();
  for (let index = 0; index < events.length; index += 1)
    assert.notEqual(
      check(events.toSpliced(index, 1), { completeUntil: until }).problems.length,
      0,
      `event ${index}`,
    );
  const cut = check(events.slice(0, -1), { completeUntil: until });
  assert.deepEqual(
    cut.problems.map(({ kind }) => kind),
    ['uncovered'],
  );
});

test('any two swapped neighbours of one chain are found', () => {
  const { events } = trail();
  const sessionOf = (event: Buffer): string | undefined => {
    const read = codec.decode(event);
    return read.ok ? read.value.session?.id : undefined;
  };
  let pairs = 0;
  for (let index = 0; index + 2 < events.length; index += 1) {
    // Events of different chains may stand in different partitions, so only these have an order.
    if (sessionOf(events[index]!) !== sessionOf(events[index + 2]!)) continue;
    pairs += 1;
    const swapped = [...events];
    [swapped[index], swapped[index + 2]] = [swapped[index + 2]!, swapped[index]!];
    assert.notEqual(check(swapped).problems.length, 0, `event ${index}`);
  }
  assert.ok(pairs > 5);
});

test('a doubled event is found', () => {
  const { events } = trail();
  assert.ok(check([...events, events[5]!]).problems.some(({ kind }) => kind === 'fork'));
});

test('a cut tail is found by the time of the last checkpoint', () => {
  const { events, until } = trail();
  const report = check(events.slice(0, 7), { completeUntil: until });
  assert.ok(report.problems.some(({ kind }) => kind === 'truncated'));
});

test('a whole dropped session is found', () => {
  const { events } = trail();
  const without = events.filter((event) => {
    const read = codec.decode(event);
    return read.ok && read.value.session?.id !== 'a';
  });
  assert.ok(check(without).problems.some(({ kind }) => kind === 'head'));
});

test('a rewritten trail with another key is found', () => {
  const { events } = trail();
  const stranger = createSigner(random.bytes(32));
  const report = check(events, { publicKeys: { [signer.keyId]: stranger.publicKeyPem } });
  assert.equal(report.problems.filter(({ kind }) => kind === 'signature').length, 4);
});

test('an epoch that a crash ended is covered by any later one, also when a start between them wrote nothing', () => {
  const clock = createManualClock();
  const disk = createSimulatedDisk({ clock, random });
  const spool = createSpool(
    { disk, clock, log: silentLogger, metrics: quietMetrics },
    { durability: 'process', spoolFolder: '/s', spoolBytesMax: 10_000_000, spoolSegmentBytes: 1_000_000 },
  );
  const gatewayChain = newChain();
  const writerOf = (epoch: number) =>
    createEventWriter({ spool, codec, clock, random }, { id: 'gw', epoch, gatewayChain });
  const heartbeat: EventDraft = {
    body: { kind: 'heartbeat', openSessions: 0, spoolBytes: 0, unaudited: 0 },
    session: null,
    controlRevision: 0,
    identity: null,
    client: null,
    target: null,
  };
  const first = writerOf(1);
  for (let n = 0; n < 3; n += 1) assert.ok(first.write(heartbeat).ok);
  const third = writerOf(3);
  assert.ok(third.write(heartbeat).ok && third.checkpoint([], signer).ok);
  const events = spool.take(1000, 10_000_000).map(({ entry }) => entry.value);
  const completeUntil = clock.now();
  assert.deepEqual(check(events, { completeUntil }).problems, []);
  assert.ok(check(events.slice(0, 3), { completeUntil }).problems.some(({ kind }) => kind === 'uncovered'));
  assert.ok(check(events.toSpliced(2, 1), { completeUntil }).problems.length > 0, 'its tail is still needed');
});
