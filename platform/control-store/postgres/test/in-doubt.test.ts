/** The connection is lost in a commit: what happened is found out, and nothing happens twice. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createSystemClock } from '../../../clock/system-clock.ts';
import { createPromMetrics } from '../../../metrics/prom-metrics.ts';
import type { ControlStore } from '../../control-store.ts';
import { createFaultyLink, type CutAt, type FaultyLink } from './faulty-link.ts';
import { startStoreServer, type StoreServer } from './support.ts';

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;
const increment = (store: ControlStore): Promise<number> =>
  store.transact(async (tx) => {
    const n = ((await tx.get<{ n: number }>('c', 'n'))?.value.n ?? 0) + 1;
    await tx.put('c', 'n', { n });
    await tx.publish('topic', 'n', Buffer.from(String(n)));
    return n;
  });

describe('a lost connection in a commit', () => {
  let servers: StoreServer;
  let link: FaultyLink;
  before(async () => {
    servers = await startStoreServer();
    link = await createFaultyLink(servers.server);
  });
  after(async () => {
    await link.close();
    await servers.stop();
  });
  const open = (extra = {}) => {
    const metrics = createPromMetrics();
    const schema = servers.newSchema();
    const hosts = [{ host: '127.0.0.1', port: link.port }];
    const through = servers.open({ schema, hosts, tls: { mode: 'disable' }, ...extra }, { metrics });
    return { metrics, schema, through };
  };
  const inDoubt = async (metrics: ReturnType<typeof createPromMetrics>): Promise<number> =>
    Number(/in_doubt_total (\d+)/.exec(await metrics.expose())?.[1] ?? 0);

  for (const cut of ['answer', 'request', 'request-late'] satisfies CutAt[]) {
    it(`takes effect once when the ${cut} is lost`, async () => {
      const { metrics, through } = open();
      const store = await through;
      assert.equal(await increment(store), 1);
      for (let round = 2; round <= 6; round += 1) {
        const happened = link.cutAt(cut);
        assert.equal(await increment(store), round);
        await happened;
        // Comes when its transaction has long been carried out by another one.
        link.deliver();
        assert.equal(await store.revision(), round);
      }
      assert.equal(await inDoubt(metrics), 5);
      assert.equal(await increment(store), 7);
      assert.deepEqual(
        (await store.outbox(100)).map(({ value }) => String(value)),
        ['1', '2', '3', '4', '5', '6', '7'],
      );
      assert.equal((await store.get<{ n: number }>('c', 'n'))?.value.n, 7);
      await store.close();
    });
  }

  it('leaves connections that do not answer any more, in time for a lease', async () => {
    const { through } = open();
    const store = await through;
    await increment(store);
    await Promise.all(Array.from({ length: 8 }, () => store.get('c', 'n')));
    link.swallow();
    const clock = createSystemClock();
    const startUs = clock.monotonicUs();
    await store.transact((tx) => tx.put('leases', 'a', {}), { flush: false });
    assert.ok(clock.monotonicUs() - startUs < 5_000_000, 'not at the end of all patience');
    assert.equal(await increment(store), 2);
    await store.close();
  });

  it('says that it does not know when the server does not come back, and what was on its way never lands', async () => {
    const { through, schema } = open({ transactionTimeoutMs: 300 });
    const store = await through;
    await increment(store);
    const happened = link.cutAt('request-late');
    const lost = increment(store);
    const away = assert.rejects(lost, code('CONTROL_STORE_OUTCOME_UNKNOWN'));
    await happened;
    link.setAway(true);
    await away;
    await assert.rejects(store.get('c', 'n'), code('CONTROL_STORE_UNAVAILABLE'));
    link.setAway(false);
    const n = await increment(store);
    link.deliver();
    assert.equal(await increment(store), n + 1);
    const [row] = await servers.query(`select revision::int, published::int from "${schema}".state`);
    assert.deepEqual(row, { revision: n + 1, published: n + 1 });
    await store.close();
  });
});
