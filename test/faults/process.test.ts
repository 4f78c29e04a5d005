/** The process is killed, started twice, or promises the disk: real processes, real signals. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { SessionSummary } from '../../schemas/api/sessions.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { serving, spawnUp, type ChildInstallation, type Started } from './support/child.ts';
import { connect } from './support/client.ts';
import { until } from '../support/until.ts';
import { dropFolder, makeFolder } from './support/whole.ts';

describe('a process', () => {
  let postgres: TestPostgres;
  let folder = '';
  const started: Started[] = [];
  const spawn = (environment: Readonly<Record<string, string>> = {}): Started => {
    const process = spawnUp(folder, postgres, environment);
    started.push(process);
    return process;
  };
  const up = (environment: Readonly<Record<string, string>> = {}): Promise<ChildInstallation> =>
    serving(spawn(environment), folder, postgres);
  before(async () => {
    postgres = await startPostgres();
    folder = makeFolder();
  });
  afterEach(async () => {
    for (const { process, exit } of started.splice(0)) {
      process.kill('SIGKILL');
      await exit;
    }
    dropFolder(folder);
    folder = makeFolder();
  });
  after(async () => {
    dropFolder(folder);
    await postgres?.stop();
  });

  it('killed at every stage of its start starts the next time; a second one on its folder says who has it', async () => {
    for (const stage of ['lock', 'control.sqlite', 'spool', 'loopback.crt']) {
      const child = spawn();
      await until(`${stage} is there`, () => {
        if (child.process.exitCode !== null) throw new Error(`it ended: ${child.output()}`);
        return existsSync(join(folder, 'data', stage));
      });
      child.process.kill('SIGKILL');
      await child.exit;
    }
    const whole = await up();
    const client = await connect(whole, await whole.issue('after'), 'main');
    const second = spawn();
    assert.notEqual(await second.exit, 0);
    assert.match(second.output(), /DATA_FOLDER_IN_USE/);
    assert.ok(second.output().includes(String(whole.process.pid)), 'it names the process');
    assert.doesNotMatch(second.output(), /\n\s+at /, 'no stack for an expected mistake');
    assert.deepEqual((await client.query('select 1')).rows, [[1]], 'the first goes on');
    await client.end();
    await whole.stop();
  });

  for (const durability of ['process', 'power'] as const) {
    it(`killed with open sessions, durability ${durability}: commands are in the index after the restart, sessions closed as gateway_lost, backends gone`, async () => {
      const environment = {
        COUNTERSIGN_GATEWAY__DURABILITY: durability,
        COUNTERSIGN_EVENT_LOG__FLUSH: durability,
      };
      const first = await up(environment);
      const client = await connect(first, await first.issue('victim'), 'main');
      for (let n = 0; n < 20; n += 1)
        assert.equal((await client.query(`select ${n} as kept`)).sqlState, undefined);
      const running = client.query('select pg_sleep(600) as orphan');
      const second = await connect(first, await first.issue('watcher'), 'main');
      await until('it runs', async () => {
        const { rows } = await second.query(
          "select count(*)::int from pg_stat_activity where query = 'select pg_sleep(600) as orphan'",
        );
        return rows[0]?.[0] === 1;
      });
      first.process.kill('SIGKILL');
      await first.exit;
      assert.equal((await running).sqlState, 'CLOSED');

      const again = await up(environment);
      await until('the session is closed', async () => {
        const page = await again.api.get<{ items: SessionSummary[] }>('/v1/sessions', {
          state: 'all',
          identity: 'countersign/victim',
        });
        return page.items.some(
          ({ closeReason, requests }) => closeReason === 'gateway_lost' && requests === 21,
        );
      });
      const check = await connect(again, await again.issue('watcher'), 'main');
      await until('its backend is gone', async () => {
        const { rows } = await check.query(
          "select count(*)::int from pg_stat_activity where query = 'select pg_sleep(600) as orphan'",
        );
        return rows[0]?.[0] === 0;
      });
      await check.end();
      await again.stop();
    });
  }
});
