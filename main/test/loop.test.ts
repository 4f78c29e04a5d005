/** The loop closes, on a whole installation and a real PostgreSQL, with what ships. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import type { Lockout } from '../../schemas/api/lockouts.ts';
import type { SessionSummary } from '../../schemas/api/sessions.ts';
import type { TokenSummary } from '../../schemas/api/tokens.ts';
import { connectClient, makeLogin, type Login } from './support/clients.ts';
import { makeDataFolder, startTestInstallation, type TestInstallation } from './support/installation.ts';
import { startTarget, type TestTarget } from './support/target.ts';
import { failureOf } from './support/failure-of.ts';
import { until } from '../../test/support/until.ts';
import { OFFENDING, openSchool } from './support/victim.ts';

interface Page<T> {
  readonly items: readonly T[];
}
interface Hit {
  readonly document: Readonly<Record<string, unknown>>;
}

describe('loop', { timeout: 300_000 }, () => {
  const folder = makeDataFolder();
  let target: TestTarget;
  let installation: TestInstallation;
  let observer: pg.Client;

  before(async () => {
    target = await startTarget();
    observer = await target.direct();
    const directory = join(folder, 'directory.yml');
    writeFileSync(directory, 'people:\n  - { subject: countersign/leaver, left: 2026-01-31 }\n');
    const settings = { COUNTERSIGN_DETECTORS__DIRECTORY_FILE: directory };
    installation = await startTestInstallation(target, settings, { dataFolder: join(folder, 'data') });
  });
  after(async () => {
    await observer?.end();
    await installation?.stop();
    await target?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const backends = async (pid: number): Promise<number> =>
    (await observer.query('select 1 from pg_stat_activity where pid = $1', [pid])).rowCount!;
  const pidOf = async (client: pg.Client): Promise<number> =>
    (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
  const tokenOf = async ({ identityId }: Login): Promise<TokenSummary> =>
    (await installation.api.get<Page<TokenSummary>>('/v1/tokens', { identity: identityId })).items[0]!;
  const psql = (login: Login, sql: string): Promise<{ status: number | null; out: string; err: string }> => {
    const { host, port } = installation.listener;
    const child = spawn(
      'psql',
      ['-X', '-t', '-A', '-d', `host=${host} port=${port} user=${login.user} dbname=sample sslmode=require`],
      { env: { ...process.env, PGPASSWORD: login.token } },
    );
    child.stdin.end(sql);
    let out = '';
    let err = '';
    child.stdout.on('data', (piece) => (out += String(piece)));
    child.stderr.on('data', (piece) => (err += String(piece)));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => resolve({ status, out, err }));
    });
  };

  it('a leaver who logs in is cut off and stays out, and the token never works again', async () => {
    const login = await makeLogin(installation.api, 'leaver', { kind: 'human' });
    const client = await connectClient(installation.listener, login).catch(() => undefined);
    // It may be so quick that the login itself is cut off.
    if (client !== undefined) await failureOf(client.query('select pg_sleep(60)'));
    const lockout = await until('the identity is locked out', async () =>
      (await installation.api.get<Page<Lockout>>('/v1/lockouts')).items.find(
        ({ subjectKind, subject }) => subjectKind === 'identity' && subject === login.identityId,
      ),
    );
    assert.equal(lockout.createdBy, 'responders');
    assert.match(lockout.reason, /left/i);
    const again = await failureOf(connectClient(installation.listener, login));
    // A revoked token is no token any more: the gateway does not say more to whoever shows it.
    assert.match(again.message, /locked out|revoked|login of .* failed/i);
    await until('the token is revoked', async () => (await tokenOf(login)).revokedAt !== null);
  });

  it("a stolen token's statement is ended while it runs; nobody else notices", async () => {
    const school = await openSchool(installation);
    const victim = await school.victim({ number: 1, seed: 1, days: 10, hour: 13 });
    await school.close();
    const bystander = await connectClient(
      installation.listener,
      await makeLogin(installation.api, 'bystander', { kind: 'human' }),
    );
    const client = await connectClient(installation.listener, victim.login, { ip: victim.elsewhere });
    const pid = await pidOf(client);
    const { message } = await failureOf(client.query(OFFENDING));
    assert.match(message, /locked out|terminated/i);
    await until('the backend is gone', async () => (await backends(pid)) === 0);
    // From the account's own network it is refused as well: the identity is locked out, not the place.
    const again = await failureOf(connectClient(installation.listener, victim.login, { ip: victim.home }));
    assert.match(again.message, /locked out/i);
    assert.equal((await bystander.query('select 1 as one')).rows[0].one, 1);
    await bystander.end();
    const ended = await until('the index knows how the session ended', async () => {
      const query = { identity: victim.login.identityId, kind: 'session_closed' };
      const { items } = await installation.api.get<Page<Hit>>('/v1/events', query);
      return items.map(({ document }) => document).find((one) => one['countersign.exercise.id'] !== null);
    });
    assert.equal(ended['countersign.session.close_reason'], 'lockout');
  });

  it('psql: rows come, code of a job that cannot be seen into is denied with the id of the decision, and the session goes on', async () => {
    const login = await makeLogin(installation.api, 'job');
    const { out, err } = await psql(
      login,
      "select 'before ' || count(*) from orders;\ndo $$ begin execute 'select ' || current_setting('server_version_num'); raise notice 'ran'; end $$;\nselect 'behind ' || 1;\n",
    );
    assert.match(out, /before 90000/);
    assert.match(out, /behind 1/);
    const decision = /Decision ([0-9a-f-]{36})/.exec(err)?.[1];
    assert.ok(decision !== undefined, err);
    assert.doesNotMatch(err, /NOTICE: {2}ran/);
    assert.doesNotMatch(readFileSync(target.server.logFile, 'utf8'), /raise notice 'ran'/);
    await until('the decision stands in the events', async () => {
      const query = { identity: login.identityId, kind: 'request' };
      const { items } = await installation.api.get<Page<Hit>>('/v1/events', query);
      return items.some(({ document }) => JSON.stringify(document).includes(decision));
    });
  });

  for (const standing of [true, false])
    it(`a session that the API ends is gone with what it runs, and its token still opens another${standing ? '' : '; also when the connection that ends backends is lost'}`, async () => {
      const login = await makeLogin(installation.api, `worker-${standing}`);
      const client = await connectClient(installation.listener, login);
      const pid = await pidOf(client);
      const running = failureOf(client.query('select pg_sleep(60)'));
      await until('the target runs it', async () => {
        const found = await observer.query(
          "select 1 from pg_stat_activity where pid = $1 and state = 'active'",
          [pid],
        );
        return found.rowCount === 1;
      });
      if (!standing) {
        const { rowCount } = await observer.query(
          "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'app' and pid <> $1",
          [pid],
        );
        assert.ok(rowCount! > 0, 'one stands ready');
      }
      const { items } = await installation.api.get<Page<SessionSummary>>('/v1/sessions', {
        identity: login.identityId,
      });
      const answer = await installation.api.send<{ outcome: string }>(
        'POST',
        `/v1/sessions/${items[0]!.sessionId}/end`,
        { reason: 'a test ends it' },
      );
      assert.equal(answer.outcome, 'ended');
      assert.match((await running).message, /a test ends it|locked out|terminated/i);
      await until('the backend is gone', async () => (await backends(pid)) === 0);
      const next = await connectClient(installation.listener, login);
      assert.equal((await next.query('select 1 as one')).rows[0].one, 1);
      await next.end();
    });
});
