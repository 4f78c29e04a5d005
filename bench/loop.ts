/**
 * `npm run bench -- loop [--event-log embedded|kafka] [--attacks N] [--days N] [--seed N] [--verbose]`: how long the loop takes to close.
 * With `kafka` every role is a process of its own on real Kafka, PostgreSQL and Elasticsearch. Service accounts with learned history, each attacked once over a real connection: from the offending statement's send to the client's socket closed and to
 * the backend gone from pg_stat_activity. The statement is not held: it runs in the target when the lockout falls.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { connectClient, makeLogin } from '../main/test/support/clients.ts';
import { startTarget } from '../main/test/support/target.ts';
import { openSchool, type Victim } from '../main/test/support/victim.ts';
import { atMost, option, percentile, round, type Bench } from './bench.ts';
import { attack, type AttackTimes } from './support/attack.ts';
import { followLoop } from './support/follow-loop.ts';
import { LOOP_SETUPS } from './support/loop-setup.ts';

const IDLE_SESSIONS = 8;
/** Teaching waits for the detectors each time. */
const TAUGHT_AT_ONCE = 4;
/** Goals by event log. */
const P99_MS: Readonly<Record<string, number>> = { embedded: 25, kafka: 50 };
/** From the statement's send to the closed socket, in order. */
const HOPS = ['eventMs', 'detectedMs', 'intendedMs', 'lockedMs', 'inForceMs', 'cutMs'] as const;
/** Within everybody's working day: neither hour nor login may bring the lockout by themselves. */
const WORKING_HOUR = 13;

export const bench: Bench = async (args) => {
  const attacks = Number(option(args, 'attacks', '200'));
  const days = Number(option(args, 'days', '14'));
  const seed = Number(option(args, 'seed', '1'));
  const verbose = args.includes('--verbose');
  const eventLog = option(args, 'event-log', 'embedded');
  const setUp = LOOP_SETUPS[eventLog];
  if (setUp === undefined) throw new Error(`no event log is called ${eventLog}`);
  const target = await startTarget();
  const installation = await setUp(target).catch(async (error: unknown) => {
    await target.stop();
    throw error;
  });
  const idle: pg.Client[] = [];
  try {
    const begun = performance.now();
    const school = await openSchool(installation);
    const victims: Victim[] = [];
    for (let index = 0; index < attacks; index += TAUGHT_AT_ONCE) {
      const numbers = Array.from(
        { length: Math.min(TAUGHT_AT_ONCE, attacks - index) },
        (_, at) => index + at,
      );
      const taught = numbers.map((number) => school.victim({ number, seed, days, hour: WORKING_HOUR }));
      victims.push(...(await Promise.all(taught)));
    }
    await school.close();
    console.log(
      `${victims.length} identities with ${days} days of history each, learned in ${round((performance.now() - begun) / 1000, 0)} s`,
    );
    // What was learned is still being indexed: attacks on a busy machine would measure that.
    await untilIndexed(installation.ingested);
    const bystander = await makeLogin(installation.api, 'bystander', { kind: 'human' });
    for (let index = 0; index < IDLE_SESSIONS; index += 1)
      idle.push(await connectClient(installation.listener, bystander));
    const observer = await target.direct();
    const following = await followLoop(installation.api);
    const times: AttackTimes[] = [];
    const failed: string[] = [];
    for (const victim of victims) {
      const outcome = await attack({ ...installation, observer, following }, victim);
      if (outcome.ok) times.push(outcome.times);
      else failed.push(`${victim.login.identityId}: ${outcome.reason}`);
      if (verbose && outcome.ok) console.log(outcome.times);
    }
    following.stop();
    await observer.end();
    for (const line of failed) console.log(`NOT CONTAINED ${line}`);
    const column = (pick: (one: AttackTimes) => number) =>
      times.map(pick).filter((value) => !Number.isNaN(value));
    /** Attacks whose records tell of every hop: what each takes of the whole. */
    const told = times.filter((one) => HOPS.every((hop) => !Number.isNaN(one[hop])));
    const sum = (pick: (one: AttackTimes) => number): number =>
      told.reduce((total, one) => total + pick(one), 0);
    const whole = sum(({ closedMs }) => closedMs);
    const row = (name: string, pick: (one: AttackTimes) => number, isHop = false) => {
      const values = column(pick);
      return {
        hop: name,
        p50: round(percentile(values, 0.5)),
        p95: round(percentile(values, 0.95)),
        p99: round(percentile(values, 0.99)),
        max: round(Math.max(...values)),
        'share %': isHop ? round((100 * sum(pick)) / whole, 0) : '',
        n: values.length,
      };
    };
    const rows = [
      row('statement sent -> socket closed', ({ closedMs }) => closedMs),
      row('statement sent -> backend gone', ({ goneMs }) => goneMs),
      row('  sent -> event', ({ eventMs }) => eventMs, true),
      row('  event -> detection', ({ detectedMs }) => detectedMs, true),
      row('  detection -> step intended', ({ intendedMs }) => intendedMs, true),
      row('  step intended -> lockout made', ({ lockedMs }) => lockedMs, true),
      row('  lockout made -> in force', ({ inForceMs }) => inForceMs, true),
      row('  in force -> socket closed', ({ cutMs }) => cutMs, true),
      row('  socket closed -> backend gone', ({ endedMs }) => endedMs),
      row('  lockout step, whole', ({ stepMs }) => stepMs),
      row('  poll for the backend', ({ pollMs }) => pollMs),
    ];
    console.table(rows);
    const p99 = (name: string): number => rows.find(({ hop }) => hop.endsWith(name))!.p99;
    const figures = {
      eventLog,
      attacks: victims.length,
      contained: times.length,
      idleSessions: idle.length,
      ...Object.fromEntries(
        rows.flatMap(({ hop, p50, p95, p99: ninetyNine, 'share %': share }) => {
          const name = hop.trim();
          return [
            [`${name} p50`, p50],
            [`${name} p95`, p95],
            [`${name} p99`, ninetyNine],
            ...(share === '' ? [] : [[`${name} share %`, share] as const]),
          ];
        }),
      ),
    };
    return {
      figures,
      goals: [
        atMost('attacks that were not contained', 0, failed.length),
        atMost('statement to socket closed, p99 ms', P99_MS[eventLog]!, p99('socket closed')),
        atMost('statement to backend gone, p99 ms', P99_MS[eventLog]!, p99('backend gone')),
      ],
    };
  } finally {
    for (const client of idle) await client.end().catch(() => undefined);
    await installation.stop();
    await target.stop();
  }
};

/** Resolves when ingest has nothing more to do: its count stands still for two seconds but for heartbeats. */
async function untilIndexed(ingested: () => Promise<number>): Promise<void> {
  const STANDS_STILL_BELOW = 20;
  for (let before = await ingested(); ;) {
    await sleep(2000);
    const now = await ingested();
    if (now - before < STANDS_STILL_BELOW) return;
    before = now;
  }
}
