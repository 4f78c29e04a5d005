/** Signed bundles: what is taken, and every way in which one is not. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { rmSync } from 'node:fs';
import type { RegoConfig } from '../../../../schemas/config/policy-engines.ts';
import { hashOfFile } from '../structured-hash.ts';
import { makeKeys, pack, scratch, sign, unpackFixture } from './packing.ts';
import { closeAll, READER, start, type Running } from './support.ts';

const folder = scratch();
const keys = makeKeys();
const fixture = unpackFixture();
const publicKeyFile = join(folder, 'public.pem');
writeFileSync(publicKeyFile, keys.publicPem);

afterEach(closeAll);
after(() => rmSync(folder, { recursive: true, force: true }));

type Verification = NonNullable<RegoConfig['verification']>;
let count = 0;
async function startWith(
  files: ReadonlyMap<string, Buffer>,
  part: Partial<Verification> = {},
): Promise<Running> {
  const file = join(folder, `bundle-${(count += 1)}.tar.gz`);
  pack(files, file);
  const verification: Verification = { keyId: 'default', algorithm: 'RS256', publicKeyFile, ...part };
  return start({ bundleFile: file, verification });
}
const isTaken = async ({ decide, engine }: Running): Promise<void> => {
  assert.equal(engine.fault()?.message, undefined);
  assert.equal((await decide({ identity: READER })).outcome, 'allow');
};
const isRefused = async ({ decide, engine }: Running, reason: RegExp): Promise<void> => {
  assert.equal(engine.fault()?.code, 'POLICY_BUNDLE_UNTRUSTED');
  assert.match(engine.fault()!.message, reason);
  const decision = await decide({ identity: READER });
  assert.deepEqual([decision.outcome, decision.rule], ['deny', 'POLICY_BUNDLE_UNTRUSTED']);
};
const key = keys.privateKey;

describe('a signed bundle', () => {
  it('is taken where the key fits: RSA, elliptic curve, secret', async () => {
    await isTaken(await startWith(await sign(fixture, { key })));
    await isTaken(await startWith(await sign(fixture, { key, algorithm: 'PS256' }), { algorithm: 'PS256' }));
    const curve = makeKeys('ec');
    const curveFile = join(folder, 'ec.pem');
    writeFileSync(curveFile, curve.publicPem);
    const signed = await sign(fixture, { key: curve.privateKey, algorithm: 'ES256' });
    await isTaken(await startWith(signed, { algorithm: 'ES256', publicKeyFile: curveFile }));
    const secret = Buffer.from('secret-of-POLICY_KEY');
    const { publicKeyFile: _, ...plain } = { publicKeyFile };
    const file = join(folder, 'hmac.tar.gz');
    pack(await sign(fixture, { key: secret, algorithm: 'HS256' }), file);
    await isTaken(
      await start({
        bundleFile: file,
        verification: { keyId: 'default', algorithm: 'HS256', secret: { env: 'POLICY_KEY' }, ...plain },
      }),
    );
  });

  it('whose key and scope are named must name these', async () => {
    const named = await sign(fixture, { key, header: { kid: 'k1' }, payload: { scope: 'write' } });
    await isTaken(await startWith(named, { keyId: 'k1', scope: 'write' }));
    await isRefused(await startWith(named, { keyId: 'k2' }), /the key "k1", not with "k2"/);
    await isRefused(await startWith(named, { keyId: 'k1', scope: 'read' }), /scope is not "read"/);
    const inPayload = await sign(fixture, { key, payload: { keyid: 'k1' } });
    await isRefused(await startWith(inPayload, { keyId: 'k2' }), /the key "k1"/);
  });

  it('is taken whatever the layout of its JSON', async () => {
    const signed = await sign(fixture, { key });
    const data: unknown = JSON.parse(signed.get('data.json')!.toString());
    await isTaken(
      await startWith(new Map(signed).set('data.json', Buffer.from(JSON.stringify(data, null, 4)))),
    );
  });
});

describe('a bundle is refused', () => {
  it('without a signature', async () => {
    await isRefused(await startWith(fixture), /no \.signatures\.json/);
  });
  it('with the signature of another key', async () => {
    await isRefused(
      await startWith(await sign(fixture, { key: makeKeys().privateKey })),
      /does not fit the key/,
    );
  });
  it('with an algorithm that was not asked for', async () => {
    await isRefused(
      await startWith(await sign(fixture, { key, algorithm: 'RS384' })),
      /does not fit the key/,
    );
    // The public key as a secret: the oldest trick.
    const confused = await sign(fixture, { key: Buffer.from(keys.publicPem), algorithm: 'HS256' });
    await isRefused(await startWith(confused), /does not fit the key/);
    const signed = await sign(fixture, { key });
    const [token] = (JSON.parse(signed.get('.signatures.json')!.toString()) as { signatures: string[] })
      .signatures;
    const header = Buffer.from('{"alg":"none"}').toString('base64url');
    const none = `${header}.${token!.split('.')[1]}.`;
    await isRefused(
      await startWith(
        new Map(signed).set('.signatures.json', Buffer.from(JSON.stringify({ signatures: [none] }))),
      ),
      /does not fit the key/,
    );
  });
  it('with a file that was changed', async () => {
    const signed = await sign(fixture, { key });
    const wasm = Buffer.from(signed.get('policy.wasm')!);
    wasm[wasm.length - 1]! ^= 1;
    await isRefused(await startWith(new Map(signed).set('policy.wasm', wasm)), /policy\.wasm was changed/);
    const data = Buffer.from('{"groups":{"readers":["drop"]},"limits":{"agent_rows":1}}');
    await isRefused(await startWith(new Map(signed).set('data.json', data)), /data\.json was changed/);
  });
  it('with a file that was not signed, and without one that was', async () => {
    const signed = await sign(fixture, { key });
    const more = new Map(signed).set('more/data.json', Buffer.from('{}'));
    await isRefused(await startWith(more), /more\/data\.json was not signed/);
    await isRefused(
      await startWith(await sign(fixture, { key, leaveOut: 'policy.wasm' })),
      /policy\.wasm was not signed/,
    );
    const less = new Map(signed);
    less.delete('countersign.rego');
    await isRefused(await startWith(less), /countersign\.rego was signed and is not there/);
  });
  it('with several signatures, or a broken list of them', async () => {
    const signed = await sign(fixture, { key });
    const [token] = (JSON.parse(signed.get('.signatures.json')!.toString()) as { signatures: string[] })
      .signatures;
    for (const [content, reason] of [
      [JSON.stringify({ signatures: [token, token] }), /2 signatures/],
      [JSON.stringify({ signatures: [] }), /0 signatures/],
      ['{', /no \.signatures\.json/],
      [JSON.stringify({ signatures: ['a.b.c'] }), /does not fit/],
    ] as const)
      await isRefused(await startWith(new Map(signed).set('.signatures.json', Buffer.from(content))), reason);
  });
  it('where its own key cannot be read', async () => {
    const running = await startWith(await sign(fixture, { key }), {
      publicKeyFile: join(folder, 'absent.pem'),
    });
    await isRefused(running, /key cannot be read \(ENOENT\)/);
  });
});

describe('the hash of a JSON file', () => {
  const hash = (text: string): string => {
    const found = hashOfFile('data.json', Buffer.from(text), 'SHA-256');
    assert.ok('hash' in found, JSON.stringify(found));
    return found.hash;
  };
  it('is of its content: order and blanks say nothing, numbers stand as written', () => {
    assert.equal(hash('{"b":1,"a":[1,2]}'), hash('{ "a" : [1, 2],\n"b": 1 }'));
    assert.notEqual(hash('{"a":1}'), hash('{"a":1.0}'));
    assert.equal(hash('{"a":12345678901234567890}'), hash('{ "a": 12345678901234567890 }'));
    assert.notEqual(hash('{"a":12345678901234567890}'), hash('{"a":12345678901234567891}'));
  });
  it('is none with an algorithm that is broken', () => {
    for (const algorithm of ['MD5', 'SHA-1', 'constructor', ''])
      assert.ok('reason' in hashOfFile('a', Buffer.from('x'), algorithm), algorithm);
  });
});
