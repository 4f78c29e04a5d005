/** A registry that is away, slow, behind TLS and passwords. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { makeLoopbackCertificate } from '../../../main/tls.ts';
import { createCodec } from '../../../schemas/codec.ts';
import { TOPICS } from '../../../schemas/topics.ts';
import { lacking } from '../../../test/servers/available.ts';
import { freePorts } from '../../../main/sample-target/free-ports.ts';
import { startRegistry, type TestRegistry } from '../../../test/servers/registry/registry.ts';
import { isCountersignError } from '../../errors/errors.ts';
import { frameForRegistry } from '../framed-event-log.ts';
import { append, byTheBook, clock, hearing, open, openLog, readAll } from './support.ts';

const { name: topic } = TOPICS.deadLetters;
const codec = createCodec('dead-letter');
const letter = (reason: string) => ({
  time: 1,
  sourceTopic: 's',
  sourcePartition: 0,
  sourceOffset: 0,
  stage: 'test',
  code: 'X',
  reason,
  key: null,
  value: Buffer.of(1),
});
const reasonsOf = (records: readonly { value: Uint8Array | null }[]): string[] =>
  records.map(({ value }) => {
    const read = codec.decode(value!);
    return read.ok ? read.value.reason : 'unreadable';
  });
/** The record with a frame of this id, and a schema like ours but for a field with a default. */
async function foreign(url: string, reason: string): Promise<Buffer> {
  const file = new URL('../../../schemas/avro/dead-letter.avsc', import.meta.url);
  const schema = JSON.parse(readFileSync(file, 'utf8')) as { fields: object[] };
  schema.fields.push({ name: `added_${reason}`, type: 'int', default: 0 });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(await byTheBook(url).register(`${topic}-value`, schema), 1);
  return Buffer.concat([head, codec.encode(letter(reason)).subarray(10), Buffer.of(2)]);
}
const hasCode = (code: string, text: RegExp) => (error: unknown) => {
  assert.ok(isCountersignError(error, code), String(error));
  assert.match(error.message, text);
  return true;
};

/** HTTPS with a password in front of the registry. */
async function guarded(t: TestContext, url: string): Promise<{ url: string; caFile: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'guarded-registry-'));
  const tls = await makeLoopbackCertificate(clock.now());
  const caFile = join(folder, 'ca.crt');
  writeFileSync(caFile, tls.certificatePem);
  const right = `Basic ${Buffer.from('countersign:right').toString('base64')}`;
  const server = createServer({ cert: tls.certificatePem, key: tls.privateKeyPem }, (asked, answer) => {
    if (asked.headers.authorization !== right) {
      answer.writeHead(401, { 'content-type': 'application/json' });
      answer.end('{"error_code":401,"message":"Unauthorized"}');
      return;
    }
    const { host: _, authorization: __, ...headers } = asked.headers;
    const onward = request(
      `${new URL(url).origin}${asked.url}`,
      { method: asked.method, headers },
      (response) => {
        answer.writeHead(response.statusCode!, response.headers);
        response.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    asked.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}${new URL(url).pathname}`, caFile };
}

describe('schema registry: away and guarded', { skip: lacking('java', 'mvn') }, () => {
  let server: TestRegistry;
  before(async () => (server = await startRegistry()));
  after(() => server?.stop());

  it('at the start: waits within its bound, then refuses', async (t) => {
    const [port] = await freePorts(1);
    await assert.rejects(
      open(t, [`http://127.0.0.1:${port}`], { startWaitMsMax: 300 }),
      hasCode('SCHEMA_REGISTRY_UNREACHABLE', /ECONNREFUSED/),
    );
  });

  it('at the start: goes on when it comes back in time', async (t) => {
    server.freeze();
    t.after(() => server.thaw());
    const { log, told } = hearing();
    const waits = told('the schema registry does not answer; trying again');
    const opening = open(t, [server.url], { requestTimeoutMs: 200 }, log);
    await waits;
    server.thaw();
    await opening;
  });

  it('asks by TLS with a password, and says so where they are wrong', async (t) => {
    const { url, caFile } = await guarded(t, server.url);
    const credentials = { kind: 'basic' as const, username: 'countersign', password: { env: 'right' } };
    await open(t, [url], { credentials, tls: { caFile } });
    await assert.rejects(
      open(t, [url], { tls: { caFile } }),
      hasCode('SCHEMA_REGISTRY_DENIED', /401.*Unauthorized/),
    );
    await assert.rejects(
      open(t, [url], { credentials, startWaitMsMax: 0 }),
      hasCode('SCHEMA_REGISTRY_UNREACHABLE', /certificate/),
    );
  });

  it('while running: what is known goes on, what is not waits and is not given up', async (t) => {
    const raw = await openLog(t);
    const { log, told } = hearing();
    const framed = frameForRegistry(raw, await open(t, [server.url], { requestTimeoutMs: 200 }, log));
    const late = await foreign(server.url, 'late');
    server.freeze();
    t.after(() => server.thaw());
    await append(framed, topic, codec.encode(letter('known')));
    assert.deepEqual(reasonsOf(await readAll(framed, topic)), ['known']);
    await append(raw, topic, late);
    const waits = told('records wait for the schema registry');
    const reading = readAll(framed, topic);
    await waits;
    server.thaw();
    assert.deepEqual(reasonsOf(await reading), ['known', 'late']);
  });

  it('while running: after the bound the record passes as it is, and what follows it is read', async (t) => {
    const raw = await openLog(t);
    const framed = frameForRegistry(
      raw,
      await open(t, [server.url], { requestTimeoutMs: 100, lookupWaitMsMax: 300 }),
    );
    const lost = await foreign(server.url, 'lost');
    server.freeze();
    t.after(() => server.thaw());
    await append(raw, topic, lost);
    await append(framed, topic, codec.encode(letter('after it')));
    const seen = await readAll(framed, topic);
    assert.deepEqual(reasonsOf(seen), ['unreadable', 'after it']);
    assert.deepEqual(Buffer.from(seen[0]!.value!), lost);
    server.thaw();
    // It is asked for again, and read as soon as there is an answer in time.
    let reasons: string[];
    do reasons = reasonsOf(await readAll(framed, topic));
    while (reasons[0] === 'unreadable');
    assert.deepEqual(reasons, ['lost', 'after it']);
  });
});
