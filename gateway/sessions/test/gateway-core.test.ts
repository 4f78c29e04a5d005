/** The whole core on the real embedded log, the real disk and SQLite. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Value from 'typebox/value';
import { createSystemClock, createSystemRandom } from '../../../platform/clock/system-clock.ts';
import { createOutboxRelay } from '../../../platform/control-store/outbox-relay.ts';
import { createInProcessControlStore } from '../../../platform/control-store/sqlite/sqlite-control-store.ts';
import { createNodeDisk } from '../../../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../../../platform/event-log/embedded/embedded-event-log.ts';
import type { LogRecord } from '../../../platform/event-log/event-log.ts';
import { createFolderRecordingStore } from '../../../platform/recording-store/folder/folder-recording-store.ts';
import { createCodec } from '../../../schemas/codec.ts';
import { ControlStoreConfig } from '../../../schemas/config/control-store.ts';
import { EventLogConfig } from '../../../schemas/config/event-log.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import type { Verdict } from '../../../schemas/types.ts';
import { waitInForce } from '../../control/lease.ts';
import { createEmbeddedVault } from '../../credentials/embedded-vault.ts';
import { createAuditVerifier } from '../../recording/verify.ts';
import { createGatewayCore } from '../gateway-core.ts';
import { codec, command, gatewayConfig, opening } from './harness.ts';
import { silentLogger } from '../../../platform/log/pino-logger.ts';
import { quietMetrics } from '../../../test/support/quiet-metrics.ts';

test('login, request, hold with a verdict over the log, lockout in force over the log, shutdown, audit', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-core-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = createSystemClock();
  const random = createSystemRandom();
  const disk = createNodeDisk();
  const base = { disk, clock, random, log: silentLogger, metrics: quietMetrics };
  const logConfig = { ...(Value.Default(EventLogConfig, {}) as EventLogConfig), folder: join(folder, 'log') };
  const eventLog = createEmbeddedEventLog(base, logConfig);
  await eventLog.ensureTopics(
    Object.values(TOPICS).map(({ name, partitions, cleanup }) => ({
      name,
      partitions: partitions === 'single' ? 1 : 4,
      cleanup: cleanup === 'compact' ? ('compact' as const) : ('delete' as const),
    })),
  );
  const storeConfig = { ...(Value.Default(ControlStoreConfig, {}) as ControlStoreConfig), file: ':memory:' };
  const store = createInProcessControlStore({ clock }, storeConfig);
  const relay = createOutboxRelay({ ...base, store, writer: await eventLog.writer('outbox') });
  relay.start();
  const core = await createGatewayCore(
    {
      ...base,
      store,
      eventLog,
      recordingStore: createFolderRecordingStore(base, {
        folder: join(folder, 'recordings'),
        chunkBytesMax: 1e6,
      }),
      vault: await createEmbeddedVault({ store, random }, { key: Buffer.alloc(32, 1) }),
      policy: {
        version: 1,
        decide: ({ risk }) => ({
          outcome: risk === 'high' ? 'hold_verdict' : 'allow',
          rule: 'r',
          reason: 'x',
        }),
      },
      endLeftover: () => Promise.resolve(),
    },
    gatewayConfig({
      spoolFolder: join(folder, 'spool'),
      recordingFolder: join(folder, 'local'),
      holdMs: 20_000,
    }),
  );
  await core.start();
  assert.deepEqual(core.health(), { ready: true });

  // The detectors: pass everything that comes.
  const verdicts = await eventLog.writer('detectors');
  const verdictCodec = createCodec('verdict');
  const seen: LogRecord[] = [];
  const reader = await eventLog.read({
    topic: TOPICS.sessionEvents.name,
    async onRecords(records) {
      seen.push(...records);
      const { partition, offset } = records.at(-1)!;
      const verdict: Verdict = { time: 0, body: { kind: 'passed', partition, offset, spoken: [] } };
      await verdicts.append(TOPICS.verdicts.name, [{ key: 'k', value: verdictCodec.encode(verdict) }]);
    },
    onFailure: (error) => assert.fail(String(error)),
  });

  const { tokens, access, sessions, control } = core;
  await tokens.putIdentity({
    id: 'countersign/ci',
    kind: 'service_account',
    displayName: 'CI',
    groups: [],
    onBehalfOf: [],
    breakGlass: false,
    attributes: {},
  });
  const issued = await tokens.issue({
    identityId: 'countersign/ci',
    connections: ['main'],
    ttlMs: 60_000,
    credentialSource: null,
    attributes: {},
    by: 'admin',
  });
  assert.ok(issued.ok);
  const verified = await access.verifyToken(issued.value.token);
  assert.ok(verified.ok);
  const admitted = access.admit(verified.value, 'main');
  assert.ok(admitted.ok);
  const how = opening({ identity: admitted.value });
  const opened = sessions.open(how);
  assert.ok(opened.ok);
  const { session } = opened;
  const plain = session.request(command());
  assert.ok(!(plain.decision instanceof Promise) && plain.decision.outcome === 'allow');
  session.recording.write('out', plain.requestId, Buffer.from('rows'));
  session.response(plain.requestId, { status: 'ok', rows: 1, bytes: 4, durationUs: 1 });
  const held = session.request(command({ risk: 'high' }));
  assert.equal((await held.decision).outcome, 'allow');
  session.response(held.requestId, { status: 'ok', rows: 1, bytes: 4, durationUs: 1 });

  const locked = await control.lockout({
    by: 'responder',
    reason: 'stolen',
    incidentId: 'i1',
    idempotencyKey: 'k1',
    subjectKind: 'identity',
    subject: 'countersign/ci',
    ttlMs: null,
    exerciseId: null,
    automation: {},
  });
  assert.ok(locked.ok);
  assert.ok(await waitInForce({ store, clock }, locked.value.revision, 10_000));
  assert.equal(how.orders.length, 1, 'in force means that the session was ended');
  session.close('client_closed');
  assert.ok(!access.admit(verified.value, 'main').ok);
  assert.ok(!(await access.verifyToken(issued.value.token)).ok, 'its token is revoked');

  await core.stop(10_000);
  await reader.caughtUp();
  const events = seen
    .map(({ value }) => codec.decode(value!))
    .filter((read) => read.ok)
    .map(({ value }) => value)
    .sort((a, b) => a.gateway.sequence - b.gateway.sequence);
  assert.equal(events.filter(({ body }) => body.kind === 'session_closed').length, 1);
  const verifier = createAuditVerifier(codec, {
    publicKeys: { [core.signer.keyId]: core.signer.publicKeyPem },
    checkpointMs: 5000,
    completeUntil: clock.now(),
  });
  for (const event of events) {
    const framed = seen.find(
      ({ value }) => value !== null && Buffer.from(value).subarray(-32).equals(event.hash),
    );
    verifier.take(Buffer.from(framed!.value!));
  }
  const report = verifier.finish();
  assert.deepEqual(report.problems, []);
  assert.ok(report.events >= 8 && report.checkpoints >= 1);
  await reader.close();
  await relay.stop();
  await eventLog.close();
  await store.close();
});
