/**
 * `npm run bench -- crash [--kills N] [--clients N] [--seed N]`: kill -9 of the whole installation at random points under load, again and again on
 * the same data; then the target's own log (log_statement = all) is held against the event log. Identities are locked out meanwhile.
 */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { makeLogin, type Login } from '../main/test/support/clients.ts';
import { makeDataFolder } from '../main/test/support/installation.ts';
import { spawnInstallation, type InstallationProcess } from '../main/test/support/installation-process.ts';
import { startTarget, type TestTarget } from '../main/test/support/target.ts';
import { createSeededRandom } from '../platform/clock/manual-clock.ts';
import type { LockoutAnswer } from '../schemas/api/lockouts.ts';
import { atLeast, atMost, option, percentile, round, type Bench } from './bench.ts';
import { compare, readEvents, readTargetLog, type Lockout } from './support/crash-ledger.ts';
import { startLoad } from './support/crash-load.ts';

const LOAD_MS_MAX = 1200;
/** One of so many kills comes while the installation still starts. */
const EARLY_KILL_EVERY = 5;
const EARLY_MS_MAX = 900;
const BACKENDS_GONE_MS_MAX = 10_000;

/** Waits until none of the backends that the dead gateway had is left; NaN where some stay. */
async function untilGone(observer: pg.Client, bornBefore: Date): Promise<number> {
  const from = performance.now();
  while (performance.now() - from < BACKENDS_GONE_MS_MAX) {
    const { rowCount } = await observer.query(
      "select 1 from pg_stat_activity where usename = 'app' and backend_start < $1",
      [bornBefore],
    );
    if (rowCount === 0) return performance.now() - from;
    await sleep(10);
  }
  return Number.NaN;
}

/** Locks the first identity out, as a person would. Undefined where the gateway died over it. */
async function lockOneOut({ api }: InstallationProcess, { identityId }: Login): Promise<Lockout | undefined> {
  try {
    const answer = await api.send<LockoutAnswer>('POST', '/v1/lockouts', {
      subjectKind: 'identity',
      subject: identityId,
      reason: 'bench: locked out under load',
      wait: 'in_force',
    });
    return answer.outcome === 'in_force'
      ? { identityId, revision: answer.revision, inForceAt: Date.now() }
      : undefined;
  } catch {
    return undefined;
  }
}

interface Kills {
  readonly lockouts: Lockout[];
  readonly startMs: number[];
  readonly backendsMs: number[];
  readonly early: number;
}

async function killAndRestart(
  target: TestTarget,
  dataFolder: string,
  load: ReturnType<typeof startLoad>,
  { kills, clients, random }: { kills: number; clients: number; random: () => number },
): Promise<Kills> {
  const lockouts: Lockout[] = [];
  const startMs: number[] = [];
  const backendsMs: number[] = [];
  let early = 0;
  let names = 0;
  let logins: Login[] = [];
  let killedAt = 0;
  const observer = await target.direct();
  for (let kill = 0; kill < kills; kill += 1) {
    const begun = performance.now();
    const starting = spawnInstallation(target, dataFolder);
    if (kill % EARLY_KILL_EVERY === EARLY_KILL_EVERY - 1) {
      await sleep(random() * EARLY_MS_MAX);
      await starting.kill();
      early += 1;
      continue;
    }
    const installation = await starting.ready;
    startMs.push(performance.now() - begun);
    if (kill > 0) backendsMs.push(await untilGone(observer, new Date(killedAt)));
    // One of them is new each time, in the place of the one that is locked out below.
    logins = logins.slice(1);
    while (logins.length < clients) {
      names += 1;
      logins.push(await makeLogin(installation.api, `load-${names}`));
    }
    load.point(installation.listener, logins);
    const loadMs = random() * LOAD_MS_MAX;
    const lockAfterMs = random() * loadMs;
    const locking = sleep(lockAfterMs).then(() => lockOneOut(installation, logins[0]!));
    await sleep(loadMs);
    await installation.kill();
    killedAt = Date.now();
    const lockout = await locking;
    if (lockout !== undefined) lockouts.push(lockout);
    if (kill % 10 === 9) console.log(`${kill + 1} kills`);
  }
  await observer.end();
  return { lockouts, startMs, backendsMs, early };
}

export const bench: Bench = async (args) => {
  const kills = Number(option(args, 'kills', '50'));
  const clients = Number(option(args, 'clients', '6'));
  const random = createSeededRandom(Number(option(args, 'seed', '1'))).float;
  const target = await startTarget();
  const dataFolder = makeDataFolder();
  const load = startLoad(clients, random);
  try {
    const done = await killAndRestart(target, dataFolder, load, { kills, clients, random });
    await load.stop();
    // The last one ends in order: it has closed what was open, and given the log all that the spool held.
    const last = await spawnInstallation(target, dataFolder).ready;
    const observer = await target.direct();
    const backendsLeft = Number.isNaN(await untilGone(observer, new Date())) ? 1 : 0;
    await observer.end();
    await last.stop();
    const delivered = (await readEvents(dataFolder)).map(({ event }) => event);
    const found = compare(readTargetLog(target.server.logFile), delivered, load.sent, done.lockouts);
    const lists = {
      'without event': found.missing,
      'more than once': found.doubled,
      'answered and unknown': found.unknown,
      'under a lockout': found.underLockout,
      'sessions never closed': found.sessionsNeverClosed,
      'sessions closed twice': found.sessionsClosedTwice,
    };
    for (const [name, list] of Object.entries(lists))
      if (list.length > 0) console.log(`${name}: ${list.slice(0, 20).join(', ')}`);
    const figures = {
      kills,
      killsWhileStarting: done.early,
      statementsSent: load.sent.size,
      targetCommands: found.targetCommands,
      answered: found.answered,
      eventsMissing: found.missing.length,
      eventsDoubled: found.doubled.length,
      answeredAndUnknown: found.unknown.length,
      lockouts: done.lockouts.length,
      ranUnderLockout: found.underLockout.length,
      recordsRedelivered: found.redelivered,
      sessionsOpened: found.sessionsOpened,
      sessionsGatewayLost: found.gatewayLost,
      sessionsNeverClosed: found.sessionsNeverClosed.length,
      sessionsClosedTwice: found.sessionsClosedTwice.length,
      restartP50Ms: round(percentile(done.startMs, 0.5), 0),
      backendsGoneAfterRestartP50Ms: round(percentile(done.backendsMs, 0.5), 0),
      backendsGoneAfterRestartMaxMs: round(Math.max(...done.backendsMs), 0),
      backendsLeft,
    };
    console.log(figures);
    return {
      figures,
      goals: [
        atLeast('commands in the target', kills, figures.targetCommands),
        atLeast('lockouts in force under load', Math.floor(kills / 5), figures.lockouts),
        atMost('commands that the target got without an event', 0, figures.eventsMissing),
        atMost('commands with more than one event', 0, figures.eventsDoubled),
        atMost('answers that nobody knows of', 0, figures.answeredAndUnknown),
        atMost('commands under a lockout in force', 0, figures.ranUnderLockout),
        atMost('sessions never closed', 0, figures.sessionsNeverClosed),
        atMost('sessions closed twice', 0, figures.sessionsClosedTwice),
        atMost('backends left', 0, backendsLeft + done.backendsMs.filter(Number.isNaN).length),
      ],
    };
  } finally {
    await load.stop();
    await target.stop();
    rmSync(dataFolder, { recursive: true, force: true });
  }
};
