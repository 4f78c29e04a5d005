/** Hold for verdict, with the shipped policy, rules and playbooks. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { connectClient, makeLogin } from './support/clients.ts';
import { startTestInstallation, type TestInstallation } from './support/installation.ts';
import { startTarget, type TestTarget } from './support/target.ts';
import { failureOf } from './support/failure-of.ts';
import { until } from '../../test/support/until.ts';
import { openSchool } from './support/victim.ts';

interface Hit {
  readonly document: Readonly<Record<string, unknown>>;
}

describe('hold for verdict', { timeout: 300_000 }, () => {
  let target: TestTarget;
  let installation: TestInstallation;
  let observer: pg.Client;

  before(async () => {
    target = await startTarget();
    observer = await target.direct();
    await observer.query(
      'create table kept (n int); create table passing as select 1 as n; alter table passing owner to app',
    );
    installation = await startTestInstallation(target);
  });
  after(async () => {
    await observer?.end();
    await installation?.stop();
    await target?.stop();
  });

  const exists = async (table: string): Promise<boolean> =>
    (await observer.query('select to_regclass($1) as found', [table])).rows[0].found !== null;
  const decisionsOf = async (identity: string): Promise<Hit['document'][]> => {
    const { items } = await installation.api.get<{ items: Hit[] }>('/v1/events', {
      identity,
      kind: 'decision',
    });
    return items.map(({ document }) => document);
  };

  it('a command that nobody stands against runs once the detectors have passed it', async () => {
    const login = await makeLogin(installation.api, 'migration');
    const client = await connectClient(installation.listener, login);
    await client.query('update passing set n = 2');
    assert.deepEqual((await observer.query('select n from passing')).rows, [{ n: 2 }]);
    const [decision] = await until('the decision is indexed', async () => {
      const found = await decisionsOf(login.identityId);
      return found.length > 0 && found;
    });
    assert.equal(decision!['countersign.decision.outcome'], 'allow');
    await client.end();
  });

  it('a command that the responder contains never reaches the target', async () => {
    const school = await openSchool(installation);
    const victim = await school.victim({ number: 2, seed: 1, days: 10, hour: 13 });
    await school.close();
    const client = await connectClient(installation.listener, victim.login, { ip: victim.elsewhere });
    const { message } = await failureOf(client.query('drop table kept'));
    assert.match(message, /locked out|contained/i);
    const again = await failureOf(connectClient(installation.listener, victim.login, { ip: victim.home }));
    assert.match(again.message, /locked out/i);
    assert.equal(await exists('kept'), true);
    assert.doesNotMatch(readFileSync(target.server.logFile, 'utf8'), /statement: drop table kept/);
  });
});

describe('hold for verdict without detectors', { timeout: 300_000 }, () => {
  let target: TestTarget;
  before(async () => {
    target = await startTarget();
    const observer = await target.direct();
    await observer.query('create table kept (n int); alter table kept owner to app');
    await observer.end();
  });
  after(() => target?.stop());

  for (const [onDetectionLag, runs] of [
    ['hold_then_deny', false],
    ['allow', true],
  ] as const)
    it(`${onDetectionLag}: the held command ${runs ? 'runs' : 'does not run'}; others do`, async () => {
      const installation = await startTestInstallation(
        target,
        { COUNTERSIGN_GATEWAY__ON_DETECTION_LAG: onDetectionLag, COUNTERSIGN_GATEWAY__HOLD_MS: '300' },
        { roles: ['gateway'] },
      );
      try {
        const client = await connectClient(
          installation.listener,
          await makeLogin(installation.api, `lag-${onDetectionLag}`),
        );
        const held = client.query('update kept set n = 1');
        if (runs) await held;
        else assert.match((await failureOf(held)).message, /verdict/);
        assert.equal((await client.query('select 1 as one')).rows[0].one, 1);
        await client.end();
      } finally {
        await installation.stop();
      }
    });
});
