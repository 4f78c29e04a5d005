/** Threads of roles and stores that die: what it means meanwhile, and that they come back by themselves. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RESTARTS } from '../../main/threads/restarts.ts';
import { createThreadedRole, type ThreadedRole } from '../../main/threads/threaded-role.ts';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { createNodeDisk } from '../../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../../platform/event-log/embedded/embedded-event-log.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import { createPinoLogger } from '../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../platform/metrics/prom-metrics.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { connect } from './support/client.ts';
import { until } from '../support/until.ts';
import { configOf, dropFolder, makeFolder, startWhole, type Whole } from './support/whole.ts';

const topic = 'sample';
const LIMITS = { ...RESTARTS, delayMsMin: 10, delayMsMax: 50, pingMs: 100, pingsSilentMax: 20 };

describe('a role on a thread', () => {
  const folder = makeFolder();
  const clock = createSystemClock();
  const metrics = createPromMetrics();
  const log = createPinoLogger({ level: 'silent' });
  let eventLog: EventLog;
  let role: ThreadedRole;
  const restarts = async (): Promise<number> =>
    Number(/countersign_role_restarts_total\{role="sample"\} (\d+)/.exec(await metrics.expose())?.[1] ?? 0);
  const append = async (key: string): Promise<void> => {
    const writer = await eventLog.writer('test');
    await writer.append(topic, [{ key, value: Buffer.from('x') }]);
    await writer.close();
  };
  const sees = (key: string): Promise<void> =>
    until(`the role has seen ${key}`, async () => {
      const seen: string[] = await role.ask<string[]>('seen', null).catch(() => []);
      return seen.includes(key);
    });

  const config = configOf(folder, { host: '127.0.0.1', port: 1 });
  const around = () => ({
    eventLog,
    clock,
    log,
    metrics,
    logFile: null,
    environment: {},
    settings: config,
    processName: 'test',
    logLevel: 'silent' as const,
  });

  before(async () => {
    eventLog = createEmbeddedEventLog(
      { disk: createNodeDisk(), clock, random: createSystemRandom(), log, metrics },
      config.eventLog,
    );
    await eventLog.ensureTopics([{ name: topic, partitions: 1, cleanup: 'delete' }]);
    role = createThreadedRole(
      'sample',
      new URL('support/sample-thread.ts', import.meta.url),
      around(),
      { topic },
      LIMITS,
    );
    await role.start();
  });
  after(async () => {
    await role.stop(1000);
    await eventLog.close();
    dropFolder(folder);
  });

  for (const [what, question, answered] of [
    ['dies', 'die', false],
    ['has a bug that nobody catches', 'throw', false],
    ['gives up', 'giveUp', true],
    ['hangs', 'hang', false],
  ] as const) {
    it(`that ${what} says so, is started again, and goes on where it was`, async () => {
      const earlier = await restarts();
      await append(`before ${question}`);
      await sees(`before ${question}`);
      const asked = role.ask(question, null);
      if (answered) await asked;
      else await assert.rejects(asked, { code: 'ROLE_THREAD_ENDED' });
      await until('it is not ready, and says why', () => {
        const { ready, reason } = role.health();
        return !ready && /started again|it gave up/.test(reason ?? '');
      });
      await append(`after ${question}`);
      await until('it is ready again', () => role.health().ready);
      await sees(`after ${question}`);
      const seen = await role.ask<string[]>('seen', null);
      assert.ok(!seen.includes(`before ${question}`), 'what was committed does not come again');
      assert.equal(await restarts(), earlier + 1);
    });
  }

  it('that cannot start says why at the first start, and is not tried again', async () => {
    const broken = createThreadedRole(
      'broken',
      new URL('support/sample-thread.ts', import.meta.url),
      around(),
      { topic: 'not there' },
      LIMITS,
    );
    await assert.rejects(broken.start(), { code: 'EVENT_LOG_UNKNOWN_TOPIC' });
    await broken.stop(0);
    assert.doesNotMatch(await metrics.expose(), /role_restarts_total\{role="broken"\} [1-9]/);
  });
});

describe('in a whole installation', () => {
  let postgres: TestPostgres;
  let whole: Whole;
  before(async () => {
    postgres = await startPostgres();
    whole = await startWhole(postgres, {
      gateway: { holdMs: 400, detectionLagMs: 300 },
      policy: {
        rules: [
          {
            name: 'writes-held',
            kinds: ['service_account'],
            actions: ['write'],
            outcome: 'hold_verdict',
            reason: 'writes wait for the detectors',
          },
          { name: 'rest', outcome: 'allow', reason: 'because' },
        ],
      },
    });
  });
  after(async () => {
    await whole?.stop();
    await postgres?.stop();
  });
  const ready = (role: string): Promise<void> =>
    until(`${role} is ready`, async () => {
      const { roles } = await whole.health();
      return roles.find(({ name }) => name === role)?.ready === true;
    });

  it('the detectors gone: held requests are denied in time, others go on, /readyz and metrics say so, and it comes back', async () => {
    const client = await connect(whole, await whole.issue('job-detectors'));
    assert.equal(client.refused, undefined);
    await client.query('create table if not exists held (n int)');
    await until(
      'a write passes',
      async () => (await client.query('insert into held values (1)')).sqlState === undefined,
    );
    await whole.threads.get('detectors')!.terminate();
    const { ready: nowReady, roles } = await whole.health();
    assert.equal(nowReady, false);
    assert.match(roles.find(({ name }) => name === 'detectors')?.reason ?? '', /started again/);
    const denied = await client.query('insert into held values (2)');
    assert.equal((await client.query('select 1')).sqlState, undefined, 'what is not held goes on');
    if (denied.sqlState !== undefined) {
      assert.equal(denied.sqlState, '42501');
      assert.match(denied.detail, /onDetectionLag/);
    }
    await ready('detectors');
    await until(
      'a write passes again',
      async () => (await client.query('insert into held values (3)')).sqlState === undefined,
    );
    const { rows } = await client.query('select count(*)::int from held where n = 2');
    assert.deepEqual(rows, [[denied.sqlState === undefined ? 1 : 0]]);
    assert.ok((await whole.metric('countersign_role_restarts_total{role="detectors"}')) >= 1);
    await client.end();
  });

  it('the detectors behind: held requests are denied, the gauge says so, and falls when they have caught up', async () => {
    const client = await connect(whole, await whole.issue('job-lag'));
    await client.query('create table if not exists held (n int)');
    whole.switches.deafGroup = 'countersign.detectors';
    const lagging = async (): Promise<number> => whole.metric('countersign_detection_lagging');
    await until('the lag is seen', async () => {
      const denied = await client.query('insert into held values (4)');
      assert.equal(denied.sqlState, '42501');
      assert.match(denied.detail, /onDetectionLag/);
      return (await lagging()) === 1;
    });
    whole.switches.deafGroup = undefined;
    await until('it is over', async () => (await lagging()) === 0);
    await until(
      'a write passes',
      async () => (await client.query('insert into held values (5)')).sqlState === undefined,
    );
    assert.deepEqual((await client.query('select count(*)::int from held where n = 4')).rows, [[0]]);
    await client.end();
  });

  it('ingest gone: it catches up, and nothing is missing in the index', async () => {
    const client = await connect(whole, await whole.issue('job-ingest'));
    await whole.threads.get('ingest')!.terminate();
    for (let n = 0; n < 20; n += 1) await client.query(`select ${n} as during_the_gap`);
    await client.end();
    await ready('ingest');
    await until('all requests are in the index', async () => {
      const found = await whole.installation.storage.searchIndex.count({
        index: 'session-events',
        filters: [{ field: 'user.id', is: 'countersign/job-ingest' }],
        text: 'during_the_gap',
      });
      return found === 20;
    });
  });
});
