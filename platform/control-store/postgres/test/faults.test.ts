/** The server dies and comes back, sessions are ended, processes are killed: what was acknowledged is there, once. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import type { ControlStore } from '../../control-store.ts';
import { countOnce } from './count-once.ts';
import { startStoreServer, type StoreServer } from './support.ts';

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;

/** Writes on one key of its own and on one that all share, until told to stop; returns how often it was told "done". */
async function work(store: ControlStore, name: string, until: () => boolean): Promise<number> {
  let done = 0;
  while (!until()) {
    try {
      await countOnce(store, name);
      done += 1;
    } catch (error) {
      assert.match((error as { code: string }).code, /^CONTROL_STORE_(UNAVAILABLE|CONFLICT)$/);
    }
  }
  return done;
}

describe('faults of the server', () => {
  let servers: StoreServer;
  before(async () => {
    servers = await startStoreServer();
  });
  after(() => servers.stop());
  const check = async (store: ControlStore, done: readonly number[]): Promise<void> => {
    const total = done.reduce((sum, n) => sum + n, 0);
    assert.equal((await store.get<{ n: number }>('shared', 'n'))?.value.n, total);
    assert.equal(await store.revision(), total);
    for (const [index, n] of done.entries())
      assert.equal((await store.get<{ n: number }>('own', String(index)))?.value.n, n);
    const outbox = await store.outbox(10_000);
    assert.deepEqual(
      outbox.map(({ value }) => Number(value)),
      Array.from({ length: total }, (_, index) => index + 1),
      'the outbox has each commit once, in the order of revisions',
    );
  };

  it('outlives a server that is restarted in the middle of transactions', async () => {
    const schema = servers.newSchema();
    const stores = [await servers.open({ schema }), await servers.open({ schema })];
    let over = false;
    const workers = stores.map((store, index) => work(store, String(index), () => over));
    for (let round = 0; round < 3; round += 1) {
      const revision = await stores[0]!.revision();
      while ((await stores[0]!.revision()) < revision + 20);
      await servers.server.restart();
      assert.ok((await stores[1]!.revision()) >= revision + 20);
    }
    over = true;
    const done = await Promise.all(workers);
    await check(stores[0]!, done);
    for (const store of stores) await store.close();
  });

  it('outlives sessions that are ended one after another', async () => {
    const schema = servers.newSchema();
    const stores = [await servers.open({ schema }), await servers.open({ schema })];
    let over = false;
    const workers = stores.map((store, index) => work(store, String(index), () => over));
    for (let round = 0; round < 20; round += 1)
      await servers.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'countersign control store' and random() < 0.5`,
      );
    over = true;
    const done = await Promise.all(workers);
    assert.ok(done.every((n) => n > 0));
    await check(stores[1]!, done);
    for (const store of stores) await store.close();
  });

  it('hears of other processes at once, also after a restart of the server', async () => {
    const schema = servers.newSchema();
    const [one, other] = [
      await servers.open({ schema, foreignPollMs: 1000 }),
      await servers.open({ schema }),
    ];
    let heard = Promise.withResolvers<void>();
    one.onPublished(() => heard.resolve());
    await other.transact((tx) => tx.publish('topic', 'a', null));
    await heard.promise;
    await servers.server.restart();
    await other.transact((tx) => tx.publish('topic', 'b', null));
    heard = Promise.withResolvers();
    await other.transact((tx) => tx.publish('topic', 'c', null));
    await heard.promise;
    await one.close();
    await other.close();
  });

  it('goes to the server of several that takes writes', async () => {
    const { host, port } = servers.server;
    const store = await servers.open({
      hosts: [
        { host, port: 1 },
        { host, port },
      ],
    });
    await store.transact((tx) => tx.put('c', 'a', {}));
    await servers.query("create role reader login superuser password 'reader'");
    await servers.query('alter role reader set default_transaction_read_only = on');
    await assert.rejects(
      servers.open({ user: 'reader', transactionTimeoutMs: 300 }, { password: 'reader' }),
      (error) => {
        assert.ok(code('CONTROL_STORE_UNAVAILABLE')(error));
        return /standby/.test((error as Error).message);
      },
    );
    await store.close();
  });

  it('loses nothing of processes that are killed while they write', async () => {
    const schema = servers.newSchema();
    const script = new URL('./killed-writer.ts', import.meta.url).pathname;
    const config = JSON.stringify(servers.config({ schema }));
    const run = async (name: string): Promise<number> => {
      const child = spawn(process.execPath, [script, config, name], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, PASSWORD: servers.server.password },
      });
      let acknowledged = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged = Number(line);
        if (acknowledged >= 60) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      assert.equal(child.signalCode, 'SIGKILL');
      return acknowledged;
    };
    const acknowledged = await Promise.all(['0', '1', '2'].map(run));
    const store = await servers.open({ schema });
    const own = await Promise.all(
      ['0', '1', '2'].map(async (name) => (await store.get<{ n: number }>('own', name))!.value.n),
    );
    // The last commit of each may not have been told.
    own.forEach((n, index) => assert.ok(n === acknowledged[index]! || n === acknowledged[index]! + 1));
    const revision = await store.revision();
    assert.equal((await store.get<{ n: number }>('shared', 'n'))?.value.n, revision);
    assert.equal(
      own.reduce((sum, n) => sum + n, 0),
      revision,
    );
    assert.deepEqual(
      (await store.outbox(10_000)).map(({ value }) => Number(value)),
      Array.from({ length: revision }, (_, index) => index + 1),
    );
    await store.close();
  });
});
