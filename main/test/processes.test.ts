/** Which roles may run where, under which names, and what a process says of itself. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createManualClock } from '../../platform/clock/manual-clock.ts';
import type { Config } from '../../schemas/config/config.ts';
import type { Health } from '../../schemas/api/service.ts';
import { createOwnSecretReader } from '../adapters/adapter-deps.ts';
import { checkConfig, loadConfig } from '../config.ts';
import { startHealthListener } from '../health-listener.ts';
import { placeName, takePlace } from '../process-place.ts';
import { watchReachability } from '../reachability.ts';
import { ROLES, type RoleName } from '../roles.ts';
import { checkTopology } from '../topology.ts';
import { vaultPaths } from '../vault-secrets.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-processes-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const settings = (environment: Readonly<Record<string, string>>): Config =>
  loadConfig(undefined, { COUNTERSIGN_DATA_FOLDER: join(folder, 'data'), ...environment });

const KAFKA = { COUNTERSIGN_EVENT_LOG__KIND: 'kafka' };
const SHARED = {
  ...KAFKA,
  COUNTERSIGN_CONTROL_STORE__KIND: 'postgres',
  COUNTERSIGN_SEARCH_INDEX__KIND: 'elasticsearch',
};
const GATEWAYS = {
  COUNTERSIGN_RESPONDERS__CONTROL_API: '{ urls: ["https://gateway-1:8443"], token: { env: T } }',
};

describe('processes: which roles may stand where', () => {
  for (const [what, environment, roles, code] of [
    ['everything embedded in one process', {}, ROLES, undefined],
    ['the gateway alone on the embedded log, which says what is missed', {}, ['gateway'], undefined],
    ['detectors alone on the embedded log', {}, ['detectors'], 'ROLE_NEEDS_CLUSTER'],
    ['one process with all roles on Kafka and files', KAFKA, ROLES, undefined],
    ['a gateway apart whose store is a file', KAFKA, ['gateway', 'ingest'], 'CLUSTER_STORE_EMBEDDED'],
    [
      'a gateway that searches a file which ingest elsewhere does not write',
      { ...KAFKA, COUNTERSIGN_CONTROL_STORE__KIND: 'postgres' },
      ['gateway'],
      'CLUSTER_INDEX_EMBEDDED',
    ],
    ['ingest into a file that no gateway reads', KAFKA, ['ingest'], 'CLUSTER_INDEX_EMBEDDED'],
    ['responders that do not know any gateway', SHARED, ['responders'], 'RESPONDERS_NO_GATEWAY'],
    ['responders with gateways', { ...SHARED, ...GATEWAYS }, ['responders'], undefined],
    ['detectors on Kafka, whatever the other adapters are', KAFKA, ['detectors'], undefined],
    ['a gateway on shared stores', SHARED, ['gateway'], undefined],
    ['ingest on shared stores', SHARED, ['ingest'], undefined],
  ] as const)
    it(`${what}: ${code ?? 'runs'}`, () => {
      const check = (): void => checkTopology(settings(environment), roles as readonly RoleName[]);
      if (code === undefined) check();
      else assert.throws(check, { code });
    });

  it('a token for a gateway off this machine never goes in the clear', () => {
    const checked = checkConfig(undefined, {
      COUNTERSIGN_RESPONDERS__CONTROL_API: '{ urls: ["http://gateway-1:8443"], token: { env: T } }',
    });
    assert.equal(checked.ok, false);
    assert.match(JSON.stringify(checked), /https/);
  });
});

describe('processes: places and names', () => {
  it('copies get places of their own, and a place that is free again is taken first', () => {
    const config = settings({});
    // The first place is another living process's.
    const first = join(config.dataFolder, 'run', 'detectors-1');
    mkdirSync(first, { recursive: true });
    writeFileSync(join(first, 'lock'), String(process.ppid));
    const one = takePlace(config, ['detectors'], 'Host.example.com');
    const other = takePlace(config, ['responders', 'ingest'], 'Host.example.com');
    assert.deepEqual(
      [one.name, other.name],
      ['host-example-com-detectors-2', 'host-example-com-ingest-responders-1'],
    );
    assert.equal(readFileSync(join(one.path, 'lock'), 'utf8'), String(process.pid));
    rmSync(join(first, 'lock'));
    assert.equal(takePlace(config, ['detectors'], 'Host.example.com').name, 'host-example-com-detectors-1');
  });
  it('a gateway holds the data folder, and is named for itself', () => {
    const config = settings({ COUNTERSIGN_GATEWAY__ID: 'Edge.1' });
    const place = takePlace(config, ROLES);
    assert.equal(place.name, 'edge-1');
    assert.equal(place.path, config.dataFolder);
  });
  it('names stay within what a responder may be called, however long the host is', () => {
    for (const host of ['x'.repeat(300), '...', 'ü'.repeat(10), 'a'])
      assert.match(placeName(host, ['detectors', 'ingest', 'responders'], 7), /^[a-z0-9][a-z0-9-]{0,62}$/);
  });
});

describe('processes: health', () => {
  it('answers readiness with the reasons, and figures, to anybody who may reach it', async () => {
    let health: Health = { ready: false, roles: [{ name: 'detectors', ready: false, reason: 'restoring' }] };
    const listener = await startHealthListener(
      { health: () => health, metrics: { expose: () => Promise.resolve('figure 1\n') } },
      { host: '127.0.0.1', port: 0 },
    );
    const ask = (path: string, method = 'GET'): Promise<Response> =>
      fetch(new URL(path, listener.url), { method });
    try {
      assert.equal((await ask('/healthz')).status, 200);
      const waiting = await ask('/readyz');
      assert.equal(waiting.status, 503);
      assert.deepEqual(await waiting.json(), health);
      health = { ready: true, roles: [] };
      assert.equal((await ask('/readyz?verbose=1')).status, 200);
      assert.equal(await (await ask('/metrics')).text(), 'figure 1\n');
      assert.equal((await ask('/')).status, 404);
      assert.equal((await ask('/readyz', 'POST')).status, 405);
      await assert.rejects(
        startHealthListener(
          { health: () => health, metrics: { expose: () => Promise.resolve('') } },
          { host: '127.0.0.1', port: Number(new URL(listener.url).port) },
        ),
        { code: 'HEALTH_LISTEN_FAILED' },
      );
    } finally {
      await listener.close();
    }
  });

  it('what does not answer is away after the time it is given, also where the question hangs', async () => {
    const clock = createManualClock();
    let answer: () => Promise<unknown> = () => Promise.resolve();
    const turn = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 500) {
        clock.advance(500);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const watched = watchReachability({ clock }, { name: 'the log', awayMs: 3000 }, () => answer());
    await turn(5000);
    assert.equal(watched.problem(), undefined);
    answer = () => Promise.reject(new Error('refused'));
    await turn(2500);
    assert.equal(watched.problem(), undefined);
    await turn(2000);
    assert.match(watched.problem()!, /the log cannot be reached: refused/);
    answer = () => Promise.resolve();
    await turn(1500);
    assert.equal(watched.problem(), undefined);
    answer = () => new Promise(() => undefined);
    await turn(6000);
    assert.match(watched.problem()!, /the log cannot be reached/);
    watched.stop();
  });
});

describe('processes: secrets', () => {
  it('of the vault are not to be had without a gateway, and are told apart by path', async () => {
    const alone = createOwnSecretReader({ HERE: 'value' });
    assert.equal(await alone({ env: 'HERE' }), 'value');
    await assert.rejects(alone({ vault: 'sinks/key' }), { code: 'SECRET_NEEDS_GATEWAY' });
    const beside = createOwnSecretReader({}, { 'sinks/key': 'from the vault' });
    assert.equal(await beside({ vault: 'sinks/key' }), 'from the vault');
    await assert.rejects(beside({ vault: 'sinks/other' }), { code: 'CONFIG_SECRET_MISSING' });
    assert.deepEqual(vaultPaths([{ key: { vault: 'a' }, list: [{ vault: 'b' }, { env: 'c' }] }]), ['a', 'b']);
  });
});
