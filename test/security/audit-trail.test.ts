/** Somebody with the files of the gateway rewrites history; an auditor with an export and a key looks at it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createSigner } from '../../gateway/sessions/signing-key.ts';
import { checkAuditExport, fingerprintOf } from '../../main/audit-check.ts';
import type { AuditKey } from '../../schemas/api/audit.ts';
import Value from 'typebox/value';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { createNodeDisk } from '../../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../../platform/event-log/embedded/embedded-event-log.ts';
import { silentLogger } from '../../platform/log/pino-logger.ts';
import { quietMetrics } from '../support/quiet-metrics.ts';
import { createCodec } from '../../schemas/codec.ts';
import { EventLogConfig } from '../../schemas/config/event-log.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import { startAttacked, type AttackedInstallation } from './installation.ts';
import { until } from '../support/until.ts';

const codec = createCodec('session-event');
let attacked: AttackedInstallation;
let lines: string[];
let key: AuditKey;

const eventOf = (line: string): SessionEvent => {
  const read = codec.decode(Buffer.from((JSON.parse(line) as { event: string }).event, 'base64'));
  assert.ok(read.ok);
  return read.value;
};
const exported = async (): Promise<string[]> => {
  const found: string[] = [];
  for await (const line of attacked.api.lines('/v1/audit/events', {}, new AbortController().signal))
    found.push(line);
  return found;
};
const check = (changed: readonly string[], options: Parameters<typeof checkAuditExport>[1] = {}) => {
  const file = join(attacked.folder, 'export.ndjson');
  writeFileSync(file, `${changed.join('\n')}\n`);
  return checkAuditExport(file, { publicKeyPem: key.publicKey, ...options });
};
const kindsOf = ({ problems }: Awaited<ReturnType<typeof check>>): string[] =>
  [...new Set(problems.map(({ kind }) => kind))].sort();

before(async () => {
  attacked = await startAttacked((config) => ({
    ...config,
    gateway: { ...config.gateway, checkpointMs: 500 },
  }));
  const somebody = await attacked.login('somebody', 'human');
  for (let n = 0; n < 4; n += 1) {
    const client = attacked.client(somebody, { connection: 'sample' });
    await client.connect();
    await client.query(`select ${n}`);
    await client.query('select count(*) from orders where id = 1');
    await client.end();
  }
  key = await attacked.api.get<AuditKey>('/v1/audit/key');
  await until('the last close is signed for', async () => {
    lines = await exported();
    const events = lines.slice(1).map(eventOf);
    const closed = events.filter(({ body }) => body.kind === 'session_closed');
    return (
      closed.length === 4 &&
      events.some(
        ({ body }) => body.kind === 'checkpoint' && body.gatewaySequence > closed.at(-1)!.gateway.sequence,
      )
    );
  });
});
after(() => attacked?.stop());

test('what the gateway wrote holds, in any order of the lines', async () => {
  const whole = await check(lines);
  assert.deepEqual(whole.problems, []);
  assert.ok(whole.ok && whole.events > 20 && whole.checkpoints > 0);
  assert.equal(whole.keyFingerprint, fingerprintOf(key.publicKey));
  assert.ok((await check([lines[0]!, ...lines.slice(1).toReversed()])).ok);
  assert.ok((await check([...lines, lines[5]!])).ok, 'the log may hold an event twice');
});

test('a changed event, a dropped event, a dropped session and a cut tail are found', async () => {
  const events = lines.slice(1);
  const request = events.findIndex((line) => eventOf(line).body.kind === 'request');
  const victim = eventOf(events[request]!);
  const changed = Buffer.from((JSON.parse(events[request]!) as { event: string }).event, 'base64');
  const at = changed.indexOf('select');
  changed.write('SELECT', at);
  const replaced = events.with(request, JSON.stringify({ event: changed.toString('base64') }));
  assert.ok(kindsOf(await check([lines[0]!, ...replaced])).includes('hash'));
  assert.ok(kindsOf(await check([lines[0]!, ...events.toSpliced(request, 1)])).includes('gap'));
  const without = events.filter((line) => eventOf(line).session?.id !== victim.session!.id);
  assert.ok(without.length < events.length - 3);
  assert.deepEqual(
    kindsOf(await check([lines[0]!, ...without])).filter((kind) => kind === 'gap' || kind === 'head'),
    ['gap', 'head'],
  );
  const lastOpen = events.findLastIndex((line) => eventOf(line).body.kind === 'session_opened');
  const cut = events.filter(
    (line) => eventOf(line).gateway.sequence < eventOf(events[lastOpen]!).gateway.sequence,
  );
  assert.ok(kindsOf(await check([lines[0]!, ...cut], { until: Date.now() + 60_000 })).includes('truncated'));
});

test('a history signed by somebody else is not believed', async () => {
  const stranger = createSigner(Buffer.alloc(32, 7));
  assert.ok(kindsOf(await check(lines, { publicKeyPem: stranger.publicKeyPem })).includes('unknown-key'));
  const none = lines.filter((line, index) => index === 0 || eventOf(line).body.kind !== 'checkpoint');
  assert.equal((await check(none)).ok, false);
  const head = JSON.parse(lines[0]!) as Record<string, unknown>;
  const unproven = await checkAuditExport(join(attacked.folder, 'export.ndjson'), {});
  assert.match(unproven.notes.join(), /came with the export/);
  await assert.rejects(check(['{}']), { code: 'AUDIT_EXPORT_INVALID' });
  await assert.rejects(check([JSON.stringify({ ...head, kind: 'x' })]), { code: 'AUDIT_EXPORT_INVALID' });
});

test('who changes the files of the log is found', async () => {
  await attacked.installation.stop(500);
  const folder = join(attacked.folder, 'data', 'event-log');
  const segments = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath.includes('countersign.session-events'))
    .map((entry) => join(entry.parentPath, entry.name));
  const needle = Buffer.from('select count(*) from orders where id');
  let changed = 0;
  for (const file of segments) {
    const bytes = readFileSync(file);
    const at = bytes.indexOf(needle);
    if (at < 0) continue;
    bytes.write('SELECT', at);
    writeFileSync(file, bytes);
    changed += 1;
  }
  assert.ok(changed > 0, 'the log is on the disk');
  // What is read now comes from the files: the gateway itself still had it in memory.
  const log = createEmbeddedEventLog(
    {
      disk: createNodeDisk(),
      clock: createSystemClock(),
      random: createSystemRandom(),
      log: silentLogger,
      metrics: quietMetrics,
    },
    { ...(Value.Default(EventLogConfig, {}) as EventLogConfig), folder },
  );
  const found = [lines[0]!];
  const reader = await log.read({
    topic: TOPICS.sessionEvents.name,
    onRecords: (records) =>
      void found.push(
        ...records.map(({ value }) => JSON.stringify({ event: Buffer.from(value!).toString('base64') })),
      ),
    onFailure: (error) => assert.fail(String(error)),
  });
  await reader.caughtUp();
  await reader.close();
  await log.close();
  assert.ok(found.length > lines.length / 2);
  assert.equal((await check(found)).ok, false, 'an event was changed and nobody noticed');
});
