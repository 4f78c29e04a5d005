/** kill -9 of the whole installation: what it must still know, and what must not live on. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import type { LockoutAnswer } from '../../schemas/api/lockouts.ts';
import { connectClient, makeLogin } from './support/clients.ts';
import { makeDataFolder } from './support/installation.ts';
import { startInstallationProcess, type InstallationProcess } from './support/installation-process.ts';
import { startTarget, type TestTarget } from './support/target.ts';
import { failureOf } from './support/failure-of.ts';
import { until } from '../../test/support/until.ts';

interface Hit {
  readonly document: Readonly<Record<string, unknown>>;
}

describe('crash: kill -9 under a running statement', { timeout: 300_000 }, () => {
  const dataFolder = makeDataFolder();
  let target: TestTarget;
  let observer: pg.Client;
  let installation: InstallationProcess | undefined;

  before(async () => {
    target = await startTarget();
    observer = await target.direct();
  });
  after(async () => {
    await observer?.end();
    await installation?.stop();
    await target?.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  });

  it('a second start takes up the same data: sessions closed, backends gone, events there, lockouts in force', async () => {
    const first = await startInstallationProcess(target, dataFolder);
    installation = first;
    const login = await makeLogin(first.api, 'crash-worker');
    const locked = await makeLogin(first.api, 'crash-locked');
    const answer = await first.api.send<LockoutAnswer>('POST', '/v1/lockouts', {
      subjectKind: 'identity',
      subject: locked.identityId,
      reason: 'before the crash',
      wait: 'in_force',
    });
    assert.equal(answer.outcome, 'in_force');
    const client = await connectClient(first.listener, login);
    const { pid } = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!;
    await client.query("select 'answered-before-the-crash'");
    const running = failureOf(client.query("select 'running-at-the-crash', pg_sleep(300)"));
    const backends = async (): Promise<number> =>
      (
        await observer.query("select 1 from pg_stat_activity where pid = $1 and query like '%running%'", [
          pid,
        ])
      ).rowCount!;
    await until('the target runs it', async () => (await backends()) === 1);
    await first.kill();
    await running;

    const second = await startInstallationProcess(target, dataFolder);
    installation = second;
    await until('the backend is gone', async () => (await backends()) === 0);
    const eventsOf = async (kind: string): Promise<Hit['document'][]> => {
      const query = { identity: login.identityId, kind };
      const { items } = await second.api.get<{ items: Hit[] }>('/v1/events', query);
      return items.map(({ document }) => document);
    };
    const [closed] = await until('the session is closed', async () => {
      const found = await eventsOf('session_closed');
      return found.length > 0 && found;
    });
    assert.equal(closed!['countersign.session.close_reason'], 'gateway_lost');
    const requests = await until('the index has the requests', async () => {
      const found = await eventsOf('request');
      return found.length >= 3 && found.map((document) => JSON.stringify(document));
    });
    for (const text of ['answered-before-the-crash', 'running-at-the-crash'])
      assert.equal(requests.filter((request) => request.includes(text)).length, 1, text);
    const refused = await failureOf(connectClient(second.listener, locked));
    assert.match(refused.message, /locked out|revoked/i);
    const again = await connectClient(second.listener, login);
    assert.equal((await again.query('select 1 as one')).rows[0].one, 1);
    await again.end();
  });
});
