/** What a webhook sink makes of each answer, and that what it sends can be verified by others. */
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, before, beforeEach, describe, it, type TestContext } from 'node:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { isAllowedAddress } from '../webhook/addresses.ts';
import { retryAfterMs } from '../webhook/answers.ts';
import { readSigningKey, signatures } from '../../../platform/webhooks/signing.ts';
import { deliveryOf, startHttpsReceiver, type HttpsReceiver, type Posted } from './https-receiver.ts';
import {
  appendEvents,
  clock,
  ids,
  openStage,
  readDeadLetters,
  SECRETS,
  sinkConfig,
  startSinks,
  type Stage,
} from './support.ts';
import { until } from '../../../test/support/until.ts';

const fine = { status: 204 };
const has = (posted: Posted, name: string): boolean =>
  posted.documents.some((document) => deliveryOf(document) === `session-events/${name}`);

/** As a receiver would, with the specification's own library. */
function verifies({ headers, body }: Posted, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

describe('webhook sink', { timeout: 90_000 }, () => {
  let folder: string;
  let receiver: HttpsReceiver;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-webhook-'));
    receiver = await startHttpsReceiver(folder);
  });
  after(async () => {
    await receiver.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    receiver.behave(() => fine);
    receiver.taken.length = 0;
    receiver.posted.length = 0;
  });

  const start = async (t: TestContext, given: object = {}): Promise<Stage> => {
    const stage = await openStage(t);
    const config = sinkConfig({
      kind: 'webhook',
      name: 'hook',
      url: receiver.url,
      signingKeys: [{ env: 'FIRST' }],
      tls: { caFile: receiver.authority.caFile },
      filter: { topics: ['session-events'] },
      ...given,
    });
    await startSinks(stage, [config]);
    return stage;
  };
  const arrived = (names: readonly string[]): Promise<void> =>
    until('all have come', () => {
      const seen = new Set(receiver.deliveries());
      return names.every((name) => seen.has(`session-events/${name}`));
    });

  it('is signed with each of its keys, so that keys can be changed without a gap', async (t) => {
    const stage = await start(t, {
      signingKeys: [{ env: 'FIRST' }, { env: 'SECOND' }],
      authorization: { env: 'TOKEN' },
    });
    await appendEvents(stage, 'k', ['a']);
    await arrived(['a']);
    const [posted] = receiver.taken;
    assert.ok(verifies(posted!, SECRETS['FIRST']!));
    assert.ok(verifies(posted!, SECRETS['SECOND']!));
    assert.ok(!verifies({ ...posted!, body: posted!.body.replace('request', 'Request') }, SECRETS['FIRST']!));
    assert.equal(posted!.headers['authorization'], SECRETS['TOKEN']);
    assert.match(posted!.headers['webhook-id'] as string, /^msg_hook_[0-9a-f]{40}$/);
    const [document] = posted!.documents as { '@timestamp': string; event: { kind: string } }[];
    assert.match(document!['@timestamp'], /^\d{4}-\d\d-\d\dT/);
    assert.equal(document!.event.kind, 'event');
  });

  it('sends OCSF where that is wanted, and leaves out what OCSF has no class for', async (t) => {
    const stage = await start(t, { schema: 'ocsf' });
    await appendEvents(stage, 'k', ['a', 'b']);
    await until('both have come', () => receiver.taken.flatMap(({ documents }) => documents).length === 2);
    const documents = receiver.taken.flatMap((posted) => posted.documents) as {
      class_uid: number;
      metadata: { uid: string; version: string };
    }[];
    assert.deepEqual(
      documents.map(({ class_uid, metadata }) => [class_uid, metadata.version, metadata.uid]),
      [
        [documents[0]!.class_uid, '1.5.0', 'a'],
        [documents[0]!.class_uid, '1.5.0', 'b'],
      ],
    );
  });

  it('has the same id when it is tried again', async (t) => {
    receiver.behave((_, place) => (place < 2 ? { status: 503 } : fine));
    const stage = await start(t);
    await appendEvents(stage, 'k', ['a']);
    await arrived(['a']);
    assert.equal(receiver.posted.length, 3);
    assert.equal(new Set(receiver.posted.map(({ headers }) => headers['webhook-id'])).size, 1);
  });

  for (const status of [400, 422] as const) {
    it(`gives only the record at fault to dead-letters on ${status}`, async (t) => {
      receiver.behave((posted) => (has(posted, 'e0013') ? { status, body: 'cannot parse\u0007it' } : fine));
      const stage = await start(t);
      await appendEvents(stage, 'k', ids(30));
      await arrived(ids(30).filter((name) => name !== 'e0013'));
      await until('a dead letter', async () => (await readDeadLetters(stage)).length === 1);
      const [letter] = await readDeadLetters(stage);
      assert.deepEqual([letter!.stage, letter!.code], ['ingest/sink/hook', 'SINK_REFUSED']);
      assert.equal(letter!.reason, `HTTP ${status}: cannot parse it`);
      assert.equal(letter!.sourceOffset, 13);
    });
  }

  it('tries a record that the receiver fails on so many times, then gives it up', async (t) => {
    receiver.behave((posted) => (has(posted, 'e0005') ? { status: 500 } : fine));
    const stage = await start(t, { attemptsMax: 4 });
    await appendEvents(stage, 'k', ids(10));
    await arrived(ids(10).filter((name) => name !== 'e0005'));
    await until('a dead letter', async () => (await readDeadLetters(stage)).length === 1);
    assert.equal((await readDeadLetters(stage))[0]!.code, 'SINK_UNDELIVERABLE');
    const alone = receiver.posted.filter((one) => one.documents.length === 1 && has(one, 'e0005'));
    assert.equal(alone.length, 4);
  });

  it('gives up nothing while the receiver fails on everything but for a bound', async (t) => {
    receiver.behave(() => ({ status: 400 }));
    const stage = await start(t, { refusedInRowMax: 3 });
    await appendEvents(stage, 'k', ids(20));
    await until('it is waited for', async () =>
      /countersign_sink_up\{sink="hook"\} 0/.test(await stage.metrics.expose()),
    );
    assert.equal((await readDeadLetters(stage)).length, 3);
    receiver.behave(() => fine);
    await arrived(ids(20).slice(3));
  });

  it('sends halves of what is too large', async (t) => {
    receiver.behave((posted) => (posted.documents.length > 4 ? { status: 413 } : fine));
    const stage = await start(t);
    await appendEvents(stage, 'k', ids(30));
    await arrived(ids(30));
    assert.deepEqual(await readDeadLetters(stage), []);
  });

  it('keeps batches within their bound in bytes', async (t) => {
    const stage = await start(t, { batchBytesMax: 12_000 });
    await appendEvents(stage, 'k', ids(20));
    await arrived(ids(20));
    assert.ok(receiver.taken.length > 1);
    for (const { documents, body } of receiver.taken)
      assert.ok(documents.length === 1 || Buffer.byteLength(body) <= 12_000);
  });

  it('waits as long as it is asked to', async (t) => {
    receiver.behave((_, place) => (place === 0 ? { status: 429, headers: { 'retry-after': '1' } } : fine));
    const stage = await start(t);
    await appendEvents(stage, 'k', ['a']);
    await until('the first try', () => receiver.posted.length === 1);
    const begun = clock.monotonicUs();
    await arrived(['a']);
    assert.ok(clock.monotonicUs() - begun > 0.8e6);
    assert.equal(receiver.posted.length, 2);
    assert.equal(retryAfterMs('Wed, 21 Oct 2026 07:28:10 GMT', Date.parse('2026-10-21T07:28:00Z')), 10_000);
    assert.equal(retryAfterMs('soon', 0), undefined);
  });

  it('follows no redirect, and gives nothing up for it or for a wrong token', async (t) => {
    for (const status of [307, 401, 404]) {
      receiver.posted.length = 0;
      receiver.behave(() => ({ status, headers: { location: receiver.url } }));
      const stage = await start(t, { name: `s${status}` });
      await appendEvents(stage, 'k', ids(3));
      await until('some tries', () => receiver.posted.length > 3);
      assert.ok(receiver.posted.every(({ documents }) => documents.length === 3));
      assert.deepEqual(await readDeadLetters(stage), []);
      assert.deepEqual(receiver.taken, []);
    }
  });

  it('refuses a configuration that cannot work, without showing a secret', async (t) => {
    const stage = await openStage(t);
    const config = (given: object) =>
      sinkConfig({
        kind: 'webhook',
        name: 'hook',
        url: receiver.url,
        signingKeys: [{ env: 'FIRST' }],
        ...given,
      });
    const refuses = async (given: object, wanted: RegExp): Promise<void> => {
      await assert.rejects(startSinks(stage, [config(given)]), (error: Error) => {
        assert.match(error.message, wanted);
        assert.ok(!error.message.includes('collector-token'));
        return true;
      });
    };
    await refuses({ signingKeys: [{ env: 'TOKEN' }] }, /signing key/);
    await refuses({ signingKeys: [{ env: 'ABSENT' }] }, /no such secret/);
    await refuses({ tls: { caFile: '/absent.pem' } }, /absent\.pem/);
    await refuses({ url: 'https://169.254.169.254/latest' }, /169\.254/);
    await refuses({ url: 'https://[fe80::1]/' }, /fe80/);
    await refuses({ url: 'https://127.0.0.1/', privateAddresses: false }, /127\.0\.0\.1/);
    await refuses({ filter: { where: [{ 'evnt.action': 'x' }] } }, /evnt\.action/);
    await refuses({ filter: { where: [{ 'event.action|like': 'x' }] } }, /like/);
    for (const url of ['http://collector.example/', 'https://user:secret@collector.example/'])
      assert.throws(() => config({ url }));
    await assert.rejects(startSinks(stage, [config({}), config({})]), /Two sinks have the name hook/);
  });

  it('never talks to a name that is at a forbidden address', async (t) => {
    const stage = await openStage(t);
    const config = sinkConfig({
      kind: 'webhook',
      name: 'local',
      url: receiver.url.replace('127.0.0.1', 'localhost'),
      signingKeys: [{ env: 'FIRST' }],
      privateAddresses: false,
      tls: { caFile: receiver.authority.caFile },
    });
    const role = await startSinks(stage, [config]);
    await appendEvents(stage, 'k', ['a']);
    await until('it is said', () => /localhost is at an address/.test(role.health().reason ?? ''));
    assert.deepEqual(receiver.posted, []);
    for (const address of ['::ffff:169.254.169.254', '0.0.0.0', 'fd00:ec2::254', '224.0.0.1', 'nonsense'])
      assert.equal(isAllowedAddress(address, true), false, address);
    for (const address of ['10.0.0.1', '::1', '::ffff:192.168.0.1', 'fd12::1', '100.64.0.1'])
      assert.deepEqual(
        [isAllowedAddress(address, true), isAllowedAddress(address, false)],
        [true, false],
        address,
      );
    assert.equal(isAllowedAddress('93.184.216.34', false), true);
  });
});

describe('Standard Webhooks signatures', () => {
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
  const body = Buffer.from('{"test": 2432232314}');
  const key = (text: string) => readSigningKey(text)!;

  it('are those of the specification’s libraries', () => {
    const shared = key('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    assert.equal(
      signatures([shared], id, 1614265330, body),
      'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    );
    const pair = key('whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=');
    const expected =
      'v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==';
    assert.equal(signatures([pair], id, 1614265330, body), expected);
    assert.equal(signatures([shared, pair], id, 1614265330, body).split(' ')[1], expected);
  });

  it('by a key pair can be verified with its public half', () => {
    const pair = key(`whsk_${Buffer.alloc(32, 9).toString('base64')}`);
    assert.equal(pair.scheme, 'v1a');
    const signature = Buffer.from(signatures([pair], id, 7, body).slice(4), 'base64');
    const content = Buffer.concat([Buffer.from(`${id}.7.`), body]);
    assert.ok(verify(null, content, createPublicKey(pair.key), signature));
  });

  it('are not made with what is no key', () => {
    for (const wrong of [
      '',
      'whsec_',
      'whsec_AAAA',
      'whsk_AAAA',
      `whsec_${'A'.repeat(200)}`,
      'whsec_not base64!',
      'plain',
    ])
      assert.equal(readSigningKey(wrong), undefined, wrong);
  });
});
