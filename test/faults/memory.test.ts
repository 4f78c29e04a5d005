/** What many idle sessions and a reader that does not read cost, measured on a process of its own. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { serving, spawnUp, type ChildInstallation } from './support/child.ts';
import { connect, type Client } from './support/client.ts';
import { until } from '../support/until.ts';
import { dropFolder, makeFolder, type Login } from './support/whole.ts';

const MIB = 1024 * 1024;
const IDLE = 200;
const ROWS = 1_000_000;
/** More bytes than any bound below: what is kept would show. */
const LARGE = `select i, repeat('x', 250) from generate_series(1, ${ROWS}) i`;

describe('memory', () => {
  const folder = makeFolder();
  let postgres: TestPostgres;
  let gateway: ChildInstallation;
  let login: Login;
  const clients: Client[] = [];
  before(async () => {
    postgres = await startPostgres({ max_connections: '300' });
    gateway = await serving(spawnUp(folder, postgres), folder, postgres);
    login = await gateway.issue('idler', 'human');
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.end()));
    await gateway?.stop();
    await postgres?.stop();
    dropFolder(folder);
  });

  it(`stays bounded with ${IDLE} idle sessions and a reader that stops in the middle of ${ROWS} rows`, async (t) => {
    const first = await connect(gateway, login, 'main');
    clients.push(first);
    await first.query('select 1');
    const before = gateway.rss();
    while (clients.length < IDLE)
      clients.push(...(await Promise.all(Array.from({ length: 10 }, () => connect(gateway, login, 'main')))));
    assert.ok(clients.every(({ refused }) => refused === undefined));
    const idle = gateway.rss();
    t.diagnostic(
      `${clients.length} idle sessions: ${Math.round((idle - before) / MIB)} MiB over ${Math.round(before / MIB)} MiB`,
    );
    assert.ok(idle - before < 200 * MIB, `${idle - before} bytes for ${IDLE} idle sessions`);

    const mostWhileOthersWork = async (): Promise<number> => {
      let most = 0;
      for (let round = 0; round < 50; round += 1) {
        const { rows } = await clients[round]!.query(`select ${round}`);
        assert.deepEqual(rows, [[round]]);
        most = Math.max(most, gateway.rss());
      }
      return most;
    };
    const usual = await mostWhileOthersWork();
    t.diagnostic(`while they work: ${Math.round((usual - idle) / MIB)} MiB more`);

    const slow = await connect(gateway, login, 'main');
    clients.push(slow);
    slow.socket.pause();
    // The driver would keep all rows; here only the end counts.
    slow.socket.removeAllListeners('data');
    slow.query(LARGE).catch(() => undefined);
    await until('the target waits for the reader', async () => {
      const { rows } = await first.query(
        "select count(*)::int from pg_stat_activity where wait_event = 'ClientWrite' and query like '%generate_series%' and pid <> pg_backend_pid()",
      );
      return rows[0]?.[0] === 1;
    });
    const most = await mostWhileOthersWork();
    t.diagnostic(`with a reader that stopped: ${Math.round((most - usual) / MIB)} MiB more`);
    assert.ok(most - usual < 200 * MIB, `${most - usual} bytes for one reader that stopped`);
    let received = 0;
    let tail = '';
    slow.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      tail = (tail + chunk.subarray(-64).toString('latin1')).slice(-64);
    });
    slow.socket.resume();
    await until('the rest comes', () => tail.includes(`SELECT ${ROWS}\0`), { mostMs: 120_000 });
    assert.ok(received > ROWS * 250, `${received} bytes`);
    const end = gateway.rss();
    t.diagnostic(`after ${ROWS} rows: ${Math.round(end / MIB)} MiB in all`);
    assert.ok(end - usual < 250 * MIB, `${end - usual} bytes after ${ROWS} rows`);
  });
});
