import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { createManualClock } from '../../clock/manual-clock.ts';
import {
  createInProcessControlStore,
  createSqliteControlStore,
  type SqliteControlStoreConfig,
} from '../sqlite/sqlite-control-store.ts';
import { describeControlStore } from './conformance.ts';

const config = (file: string): SqliteControlStoreConfig => ({
  file,
  transactionTimeoutMs: 5000,
  transactionsWaitingMax: 100,
  foreignPollMs: 500,
  busyTimeoutMs: 5000,
  outboxEntriesMax: 1000,
});

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'control-store-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describeControlStore('sqlite in process', async () => {
  const clock = createManualClock();
  const store = createInProcessControlStore({ clock }, config(':memory:'));
  return { store, expireTransactions: () => clock.advance(5000), dispose: () => store.close() };
});

describeControlStore('sqlite in a worker thread', async () => {
  const clock = createManualClock();
  const path = mkdtempSync(join(tmpdir(), 'control-store-'));
  const store = await createSqliteControlStore({ clock }, config(join(path, 'control.db')));
  return {
    store,
    expireTransactions: () => clock.advance(5000),
    async dispose() {
      await store.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
});

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;

describe('sqlite control store', () => {
  it('is readable for its owner only, also its write-ahead log', async (t) => {
    const file = join(folder(t), 'deep', 'control.db');
    const store = await createSqliteControlStore({ clock: createManualClock() }, config(file));
    await store.transact((tx) => tx.put('c', 'a', {}));
    for (const name of [file, `${file}-wal`]) assert.equal(statSync(name).mode & 0o777, 0o600, name);
    await store.close();
  });

  it('keeps everything over a restart', async (t) => {
    const file = join(folder(t), 'control.db');
    const first = await createSqliteControlStore({ clock: createManualClock() }, config(file));
    await first.transact(async (tx) => {
      await tx.put('c', 'a', { n: 1 });
      await tx.publish('topic', 'k', Buffer.from('v'));
    });
    await first.close();
    await assert.rejects(first.get('c', 'a'), code('CONTROL_STORE_UNAVAILABLE'));
    const second = await createSqliteControlStore({ clock: createManualClock() }, config(file));
    assert.equal(await second.revision(), 1);
    assert.deepEqual((await second.get('c', 'a'))?.value, { n: 1 });
    assert.equal((await second.outbox(10)).length, 1);
    await second.close();
  });

  it('says why when the file is no store, or one of a newer version', async (t) => {
    const path = folder(t);
    const clock = createManualClock();
    writeFileSync(
      join(path, 'text.db'),
      'this is no database, it is a text of more than a hundred bytes'.repeat(9),
    );
    await assert.rejects(
      createSqliteControlStore({ clock }, config(join(path, 'text.db'))),
      code('CONTROL_STORE_UNAVAILABLE'),
    );
    const newer = new DatabaseSync(join(path, 'newer.db'));
    newer.exec('pragma user_version = 99');
    newer.close();
    await assert.rejects(createSqliteControlStore({ clock }, config(join(path, 'newer.db'))), {
      code: 'CONTROL_STORE_VERSION',
      message: /layout 99, this program knows 1/,
    });
  });

  it('serialises transactions of two processes and tells each of the other', async (t) => {
    const file = join(folder(t), 'control.db');
    const clock = createManualClock();
    const stores = [
      await createSqliteControlStore({ clock }, config(file)),
      await createSqliteControlStore({ clock }, config(file)),
    ];
    const heard = Promise.withResolvers<void>();
    stores[1]!.onPublished(() => heard.resolve());
    await stores[1]!.revision();
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        stores[index % 2]!.transact(async (tx) => {
          const n = (await tx.get<{ n: number }>('c', 'n'))?.value.n ?? 0;
          await tx.put('c', 'n', { n: n + 1 });
        }),
      ),
    );
    assert.equal((await stores[0]!.get<{ n: number }>('c', 'n'))?.value.n, 40);
    await stores[0]!.transact((tx) => tx.publish('topic', 'k', null));
    clock.advance(1000);
    await heard.promise;
    for (const store of stores) await store.close();
  });

  it('refuses to publish past the outbox bound and rolls that transaction back', async () => {
    const clock = createManualClock();
    const store = createInProcessControlStore({ clock }, { ...config(':memory:'), outboxEntriesMax: 2 });
    await store.transact(async (tx) => {
      await tx.publish('topic', 'a', null);
      await tx.publish('topic', 'b', null);
    });
    await assert.rejects(
      store.transact(async (tx) => {
        await tx.put('c', 'a', {});
        await tx.publish('topic', 'c', null);
      }),
      code('CONTROL_STORE_OUTBOX_FULL'),
    );
    assert.equal(await store.get('c', 'a'), undefined);
    await store.acknowledgeOutbox(1);
    await store.transact((tx) => tx.publish('topic', 'c', null));
    await store.close();
  });

  it('refuses transactions past the bound of those that wait', async () => {
    const clock = createManualClock();
    const store = createInProcessControlStore(
      { clock },
      { ...config(':memory:'), transactionsWaitingMax: 2 },
    );
    const gate = Promise.withResolvers<void>();
    const first = store.transact(() => gate.promise);
    const second = store.transact(async () => 2);
    await assert.rejects(
      store.transact(async () => 3),
      code('CONTROL_STORE_BUSY'),
    );
    gate.resolve();
    await first;
    assert.equal(await second, 2);
    assert.equal(await store.transact(async () => 4), 4);
    await store.close();
  });

  it('survives kill -9: what was acknowledged is there, entry and outbox together', async (t) => {
    const file = join(folder(t), 'control.db');
    const writer = new URL('./crash-writer.ts', import.meta.url).pathname;
    let acknowledged = 0;
    for (let round = 0; round < 3; round += 1) {
      const child = spawn(process.execPath, [writer, file], { stdio: ['ignore', 'pipe', 'inherit'] });
      const from = acknowledged;
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged = Number(line);
        if (acknowledged >= from + 25 + round * 7) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      assert.equal(child.signalCode, 'SIGKILL');
      const store = await createSqliteControlStore({ clock: createManualClock() }, config(file));
      const revision = await store.revision();
      assert.ok(revision >= acknowledged, `${revision} >= ${acknowledged}`);
      assert.equal((await store.get<{ n: number }>('c', 'n'))?.value.n, revision);
      assert.equal((await store.outbox(1000)).length, revision);
      await store.close();
      acknowledged = revision;
    }
    assert.ok(acknowledged > 75);
  });
});
