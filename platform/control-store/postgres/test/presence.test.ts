/** Processes hear of each other's end by what becomes of their connections. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { createSystemClock } from '../../../clock/system-clock.ts';
import { silentLogger } from '../../../log/pino-logger.ts';
import type { ControlStore } from '../../control-store.ts';
import { createTurn } from '../../turn.ts';
import { startStoreServer, type StoreServer } from './support.ts';

const CHILD = new URL('./turn-holder.ts', import.meta.url).pathname;

describe('presence', () => {
  let servers: StoreServer;
  before(async () => {
    servers = await startStoreServer();
  });
  after(() => servers.stop());
  const until = async (what: () => Promise<boolean> | boolean): Promise<void> => {
    while (!(await what())) await servers.query('select pg_sleep(0.02)');
  };
  const isGone = (store: ControlStore, id: string): Promise<boolean> => store.presence!.isGone(id);

  it('a process is there as long as it lives, and gone when it has closed the store', async () => {
    const schema = servers.newSchema();
    const [one, other] = [await servers.open({ schema }), await servers.open({ schema })];
    assert.equal(await isGone(other, one.presence!.id), false);
    assert.equal(await isGone(one, one.presence!.id), false);
    assert.equal(await isGone(one, 'nobody'), true);
    await one.close();
    await until(() => isGone(other, one.presence!.id));
    await other.close();
  });

  it('one whose connection was ended comes back', async () => {
    const schema = servers.newSchema();
    const [one, other] = [await servers.open({ schema }), await servers.open({ schema })];
    await servers.query(
      "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock'",
    );
    await until(
      async () => !(await isGone(other, one.presence!.id)) && !(await isGone(one, other.presence!.id)),
    );
    await Promise.all([one.close(), other.close()]);
  });

  it('the turn of a process that was killed is taken over long before its time', async () => {
    const schema = servers.newSchema();
    const store = await servers.open({ schema });
    const child = spawn(process.execPath, [CHILD, JSON.stringify(servers.config({ schema })), 'work'], {
      env: { ...process.env, PASSWORD: servers.server.password },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(createInterface(child.stdout), 'line');
    let held = false;
    // An hour: only the end of its connection can tell.
    const turn = createTurn(
      { store, clock: createSystemClock(), log: silentLogger },
      { name: 'work', holder: 'here', holdMs: 3_600_000, lookMs: 20, fenced: true },
      (now) => (held = now),
    );
    turn.start();
    await servers.query('select pg_sleep(0.2)');
    assert.equal(held, false);
    child.kill('SIGKILL');
    await until(() => held);
    await turn.stop();
    await store.close();
  });
});
