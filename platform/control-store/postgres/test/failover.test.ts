/** A real standby takes over from a primary that was killed: what was acknowledged is there, once. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import Value from 'typebox/value';
import { startPostgresServer, type PostgresServer } from '../../../../main/sample-target/postgres-server.ts';
import { PostgresStoreConfig } from '../../../../schemas/config/control-store-postgres.ts';
import { createSystemClock, createSystemRandom } from '../../../clock/system-clock.ts';
import { silentLogger } from '../../../log/pino-logger.ts';
import { createPromMetrics } from '../../../metrics/prom-metrics.ts';
import type { ControlStore } from '../../control-store.ts';
import { createPostgresControlStore } from '../postgres-control-store.ts';
import { countOnce } from './count-once.ts';

const clock = createSystemClock();
const superuser = { name: 'postgres', password: 'postgres-of-the-tests' };

async function ask(server: PostgresServer, text: string): Promise<unknown[][]> {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: superuser.name,
    password: superuser.password,
    database: 'postgres',
    ssl: false,
  });
  await client.connect();
  try {
    return (await client.query<unknown[]>({ text, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

/** A primary that acknowledges nothing which its standby has not got, and the standby. */
async function startPair(folder: string): Promise<{ primary: PostgresServer; standby: PostgresServer }> {
  const start = (name: string, port: number, settings: Record<string, string>): Promise<PostgresServer> =>
    startPostgresServer(clock, {
      folder: join(folder, name),
      port,
      superuser,
      settings: { fsync: 'off', max_connections: '100', ...settings },
    });
  const first = await start('primary', 0, {});
  await first.stop('fast');
  mkdirSync(join(folder, 'standby'), { mode: 0o755 });
  // With its owner, who is not us where the tests run as root.
  const copied = spawnSync('cp', ['-a', join(folder, 'primary', 'data'), join(folder, 'standby', 'data')]);
  assert.equal(copied.status, 0, String(copied.stderr));
  writeFileSync(join(folder, 'standby', 'data', 'standby.signal'), '', { mode: 0o644 });
  const primary = await start('primary', first.port, { synchronous_standby_names: '*' });
  const standby = await start('standby', 0, {
    primary_conninfo: `host=127.0.0.1 port=${primary.port} user=${superuser.name} password=${superuser.password}`,
  });
  while ((await ask(primary, "select from pg_stat_replication where sync_state = 'sync'")).length === 0)
    await clock.sleep(50);
  return { primary, standby };
}

async function work(store: ControlStore, name: string, until: () => boolean): Promise<number> {
  let done = 0;
  while (!until()) {
    await countOnce(store, name);
    done += 1;
  }
  return done;
}

test('the primary is killed under load and the standby promoted: nothing acknowledged is lost, nothing is there twice', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'control-store-failover-'));
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { primary, standby } = await startPair(folder);
  t.after(() => standby.stop('immediate'));
  t.after(() => primary.stop('immediate'));
  const open = (): Promise<ControlStore> =>
    createPostgresControlStore(
      {
        clock,
        random: createSystemRandom(),
        log: silentLogger,
        metrics: createPromMetrics(),
        readSecret: () => Promise.resolve(superuser.password),
      },
      {
        ...(Value.Default(PostgresStoreConfig, {}) as PostgresStoreConfig),
        hosts: [standby, primary].map(({ host, port }) => ({ host, port })),
        database: 'postgres',
        user: superuser.name,
        password: { env: 'PASSWORD' },
        tls: { mode: 'disable' },
        transactionTimeoutMs: 60_000,
      },
    );
  // The standby stands first in the list and is passed over.
  const stores = [await open(), await open()];
  let over = false;
  const workers = stores.map((store, index) => work(store, String(index), () => over));
  while ((await stores[0]!.revision()) < 50) await clock.sleep(5);
  await primary.stop('immediate');
  const before = await ask(standby, 'select revision::int from countersign.state');
  await ask(standby, 'select pg_promote(true)');
  while ((await stores[1]!.revision()) < Number(before[0]![0]) + 50) await clock.sleep(5);
  over = true;
  const done = await Promise.all(workers);
  const total = done[0]! + done[1]!;
  assert.equal((await stores[0]!.get<{ n: number }>('shared', 'n'))?.value.n, total);
  assert.equal(await stores[0]!.revision(), total);
  assert.deepEqual(
    (await stores[0]!.outbox(10_000)).map(({ value }) => Number(value)),
    Array.from({ length: total }, (_, index) => index + 1),
  );
  for (const store of stores) await store.close();
});
