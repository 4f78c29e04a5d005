/** The attack is contained, and its benign twin left alone, whatever the seed; everything as `countersign exercise run` does it. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { EXERCISES } from '../exercise/catalogue.ts';
import { runExercise, type TimelineEntry } from '../exercise/run-exercise.ts';
import { createPostgresRunner } from '../exercise/live-session.ts';
import { createStatementAnalyser } from '../exercise/statement-analyser.ts';
import { runSecondAct } from '../exercise/host/run-second-act.ts';
import { SAMPLE_HOST, startSampleHost, type SampleHost } from '../sample-target/sample-host.ts';
import { lacking } from '../../test/servers/available.ts';
import { makeDataFolder, startTestInstallation, type TestInstallation } from './support/installation.ts';
import { startTarget, type TestTarget } from './support/target.ts';

const SEEDS = [1, 2];
/** Exercises leave the pace of people; a test does not wait for it. */
const PAUSE_MS_MAX = 150;

describe('exercise', { timeout: 300_000 }, () => {
  let target: TestTarget;
  let installation: TestInstallation;
  let analyser: Awaited<ReturnType<typeof createStatementAnalyser>>;

  before(async () => {
    target = await startTarget();
    installation = await startTestInstallation(target);
    analyser = await createStatementAnalyser(createSystemClock());
  });
  after(async () => {
    await analyser?.close();
    await installation?.stop();
    await target?.stop();
  });

  const run = (name: string, seed: number, say: (entry: TimelineEntry) => void) => {
    const { host, port, ca } = installation.listener;
    return runExercise(
      EXERCISES.find((exercise) => exercise.name === name)!,
      {
        api: installation.api,
        clock: createSystemClock(),
        random: createSeededRandom(seed),
        analyse: analyser.analyse,
        runSession: createPostgresRunner(createSystemClock(), { host, port, ca, connection: 'sample' }),
        target: { connection: 'sample', protocol: 'postgres', host, port, database: null, role: null },
        exerciseId: `${name}-${seed}`,
        pauseMsMax: PAUSE_MS_MAX,
        say,
      },
    );
  };

  for (const seed of SEEDS) {
    it(`impersonation, seed ${seed}: contained before the bulk of the rows and before the drop`, async () => {
      const lines: string[] = [];
      const result = await run('impersonation', seed, ({ text }) => lines.push(text));
      assert.ok(result.asExpected, lines.join('\n'));
      assert.ok(result.rowsLeaked < 20_000, `${result.rowsLeaked} rows`);
      assert.ok(result.neverRan.includes('drop table audit_log'));
    });

    it(`benign twin, seed ${seed}: untouched, every statement ran`, async () => {
      const lines: string[] = [];
      const result = await run('benign-twin', seed, ({ text }) => lines.push(text));
      assert.ok(result.asExpected, lines.join('\n'));
      assert.deepEqual(result.neverRan, []);
      assert.ok(result.historyEvents > 500);
    });
  }
});

describe('exercise: the second act, over SSH', { timeout: 300_000, skip: lacking('sshd', 'ssh') }, () => {
  let target: TestTarget;
  let installation: TestInstallation;
  let host: SampleHost | undefined;
  const folder = makeDataFolder();
  before(async () => {
    target = await startTarget();
    installation = await startTestInstallation(target);
    let lacks = '';
    host = await startSampleHost(createSystemClock(), folder, (reason) => {
      lacks = reason;
    });
    assert.ok(host !== undefined, lacks);
    let credential = '';
    await host.storeCredential({
      put: (_path: string, text: string) => {
        credential = text;
        return Promise.resolve(1);
      },
    } as never);
    const { username, privateKey } = JSON.parse(credential) as { username: string; privateKey: string };
    const { name, ...connection } = host.connection;
    await installation.api.send('PUT', `/v1/connections/${name}`, {
      ...connection,
      role: username,
      labels: {},
      credential: { privateKey },
    });
  });
  after(async () => {
    await host?.stop();
    await installation?.stop();
    await target?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const seed of SEEDS)
    it(`seed ${seed}: contained before anything is left on the host; the key opens nothing any more`, async () => {
      const lines: string[] = [];
      const result = await runSecondAct({
        api: installation.api,
        clock: createSystemClock(),
        random: createSeededRandom(seed),
        connection: SAMPLE_HOST,
        exerciseId: `second-act-${seed}`,
        pauseMsMax: PAUSE_MS_MAX,
        say: ({ text }) => void lines.push(text),
      });
      assert.ok(result.asExpected, lines.join('\n'));
      assert.ok(
        result.neverRan.some((command) => command.includes('authorized_keys')),
        lines.join('\n'),
      );
      assert.ok(result.neverRan.some((command) => command.startsWith('rm -rf')));
      assert.match(result.nextLogin ?? '', /locked out|revoked/i);
      assert.ok(
        result.detections.some(({ detector }) => detector === 'programs'),
        lines.join('\n'),
      );
    });
});
