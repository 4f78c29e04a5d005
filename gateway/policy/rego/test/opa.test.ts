/** Against the real OPA: it builds and signs what we take, and decides as we do. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { startOpa, type TestOpa } from '../../../../test/servers/opa.ts';
import type { OpaConfig } from '../../../../schemas/config/policy-engines.ts';
import { createAskedPolicy } from '../../asked-policy.ts';
import type { DecisionInput, PolicyDecision } from '../../decision.ts';
import type { Engine } from '../../engine.ts';
import { createOpaEngine } from '../../opa-engine.ts';
import { input } from '../../test/support.ts';
import { BUNDLE_FOLDER, buildBundle } from './make-fixture.ts';
import { makeKeys, scratch, unpackFixture } from './packing.ts';
import { closeAll, deps, EXPECTED, READER, start } from './support.ts';
import { until } from '../../../../test/support/until.ts';

const folder = scratch();
const open: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  closeAll();
  for (const close of open.splice(0)) await close();
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface Remote {
  readonly engine: Engine;
  decide(part?: Partial<DecisionInput>): Promise<PolicyDecision>;
}
function remote(url: string, part: Partial<OpaConfig> = {}): Remote {
  const config: OpaConfig = {
    url,
    path: 'countersign/decision',
    timeoutMs: 10_000,
    connectionsMax: 4,
    waitingMax: 100,
    cacheMs: 0,
    withUsage: false,
    cachedMax: 100,
    ...part,
  };
  const engine = createOpaEngine(deps, config);
  open.push(() => engine.close());
  const policy = createAskedPolicy({ engine, decisionLog: null }, config);
  return { engine, decide: async (given) => await policy.decide(input(given)) };
}
async function server(
  policy = BUNDLE_FOLDER,
  options: Parameters<typeof startOpa>[1] = {},
): Promise<TestOpa> {
  const opa = await startOpa(policy, options);
  open.push(() => opa.stop());
  return opa;
}

describe('OPA', { skip: lacking('opa') }, () => {
  it('builds from the source what stands in the repository', () => {
    const file = join(folder, 'built.tar.gz');
    buildBundle(file);
    const listed = execFileSync('tar', ['-xzOf', file, '/policy.wasm'], { maxBuffer: 1 << 25 });
    assert.ok(listed.equals(unpackFixture().get('policy.wasm')!), 'run make-fixture.ts');
  });

  it('decides as the bundle does in this process', async () => {
    const { decide } = remote((await server()).url);
    const local = await start();
    for (const [name, given] of EXPECTED)
      assert.deepEqual(await decide(given), await local.decide(given), name);
  });

  for (const [algorithm, kind] of [
    ['RS256', 'rsa'],
    ['ES256', 'ec'],
  ] as const)
    it(`signs with ${algorithm} what we verify`, async () => {
      const keys = makeKeys(kind);
      const privateFile = join(folder, `${kind}-private.pem`);
      const publicKeyFile = join(folder, `${kind}-public.pem`);
      const type = kind === 'rsa' ? 'pkcs1' : 'sec1';
      writeFileSync(privateFile, keys.privateKey.export({ type, format: 'pem' }));
      writeFileSync(publicKeyFile, keys.publicPem);
      const file = join(folder, `${kind}.tar.gz`);
      buildBundle(file, ['--signing-key', privateFile, '--signing-alg', algorithm]);
      const signed = await start({
        bundleFile: file,
        verification: { keyId: 'default', algorithm, publicKeyFile },
      });
      assert.equal(signed.engine.fault()?.message, undefined);
      assert.equal((await signed.decide({ identity: READER })).outcome, 'allow');
      writeFileSync(publicKeyFile, makeKeys(kind).publicPem);
      const other = await start({
        bundleFile: file,
        verification: { keyId: 'default', algorithm, publicKeyFile },
      });
      assert.equal(other.engine.fault()?.code, 'POLICY_BUNDLE_UNTRUSTED');
    });

  it('that is asked with a token it does not know says no, and so do we', async () => {
    const authz = join(folder, 'authz');
    mkdirSync(authz);
    writeFileSync(join(authz, '.manifest'), '{"roots":["system"]}');
    writeFileSync(
      join(authz, 'authz.rego'),
      'package system.authz\n\ndefault allow := false\n\nallow if input.identity == "secret-of-OPA"\n\nallow if input.path == ["health"]\n',
    );
    const opa = await server(BUNDLE_FOLDER, {
      args: ['--authentication=token', '--authorization=basic', '-b', authz],
    });
    const refused = await remote(opa.url).decide({ identity: READER });
    assert.deepEqual([refused.outcome, refused.rule], ['deny', 'POLICY_UNAVAILABLE']);
    assert.match(refused.reason, /HTTP 401/);
    const known = remote(opa.url, { token: { env: 'OPA' } });
    assert.equal((await known.decide({ identity: READER })).outcome, 'allow');
  });

  it('that dies denies everything until it is back', async () => {
    const opa = await startOpa(BUNDLE_FOLDER);
    const { decide, engine } = remote(opa.url);
    await engine.start();
    assert.equal((await decide({ identity: READER })).outcome, 'allow');
    await opa.kill();
    const denied = await decide({ identity: READER });
    assert.deepEqual([denied.outcome, denied.rule], ['deny', 'POLICY_UNAVAILABLE']);
    assert.equal(engine.fault()?.code, 'POLICY_UNAVAILABLE');
    await server(BUNDLE_FOLDER, { port: Number(new URL(opa.url).port) });
    // Nobody asks: a gateway that is not ready gets no commands.
    await until('it is known to be back', () => engine.fault() === undefined);
    assert.equal((await decide({ identity: READER })).outcome, 'allow');
  });

  it('that has no such rule denies', async () => {
    const { decide } = remote((await server()).url, { path: 'countersign/absent' });
    assert.equal((await decide()).rule, 'POLICY_UNDEFINED');
  });

  it('answers are used again for as long as they may be', async () => {
    const opa = await startOpa(BUNDLE_FOLDER);
    const { decide } = remote(opa.url, { cacheMs: 60_000 });
    assert.equal((await decide({ identity: READER })).outcome, 'allow');
    await opa.kill();
    assert.equal((await decide({ identity: READER })).outcome, 'allow');
    assert.equal((await decide({ identity: READER, now: input().now + 61_000 })).outcome, 'deny');
  });
});

describe('a policy server', () => {
  it('that never answers is waited for no longer than its time', async () => {
    const silent = createTcpServer(() => undefined).listen(0, '127.0.0.1');
    open.push(() => void silent.close());
    await until('it listens', () => silent.listening);
    const { decide } = remote(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, {
      timeoutMs: 50,
    });
    const denied = await decide({ identity: READER });
    assert.deepEqual([denied.outcome, denied.rule], ['deny', 'POLICY_UNAVAILABLE']);
    assert.match(denied.reason, /no answer within 50 ms/);
  });

  it('that is not there denies', async () => {
    assert.equal((await remote('http://127.0.0.1:1').decide()).rule, 'POLICY_UNAVAILABLE');
  });

  for (const [name, status, body] of [
    ['an error', 500, '{}'],
    ['no JSON', 200, '<html>'],
    ['no object', 200, 'true'],
    ['a redirect', 302, ''],
  ] as const)
    it(`that answers ${name} denies`, async () => {
      const odd = createServer((_, response) => void response.writeHead(status).end(body)).listen(
        0,
        '127.0.0.1',
      );
      open.push(
        () => odd.closeAllConnections(),
        () => void odd.close(),
      );
      await until('it listens', () => odd.listening);
      const { decide } = remote(`http://127.0.0.1:${(odd.address() as AddressInfo).port}`);
      assert.equal((await decide({ identity: READER })).rule, 'POLICY_UNAVAILABLE');
    });

  it('is asked for no more than may wait', async () => {
    const silent = createTcpServer(() => undefined).listen(0, '127.0.0.1');
    open.push(() => void silent.close());
    await until('it listens', () => silent.listening);
    const { engine } = remote(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`, {
      waitingMax: 3,
      timeoutMs: 100,
    });
    const asked = await Promise.all(Array.from({ length: 5 }, () => engine.ask('{}')));
    assert.deepEqual(asked.map((one) => (one.ok ? 'ok' : one.error.code)).sort(), [
      'POLICY_OVERLOADED',
      'POLICY_OVERLOADED',
      'POLICY_UNAVAILABLE',
      'POLICY_UNAVAILABLE',
      'POLICY_UNAVAILABLE',
    ]);
  });
});
