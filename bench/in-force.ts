/**
 * The control store on PostgreSQL under the kill path: a read, a transaction, and a lockout from its call until it is recorded and until it is
 * in force on 1, 2 and 3 gateways, which share this process, one PostgreSQL on this machine and the embedded log; beside it the
 * same transaction on SQLite. Options: --lockouts N (300), --fsync on|off (on).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Value from 'typebox/value';
import { startCluster, type Cluster, type Member } from '../gateway/control/test/cluster.ts';
import { createSystemClock } from '../platform/clock/system-clock.ts';
import type { ControlStore } from '../platform/control-store/control-store.ts';
import { startStoreServer } from '../platform/control-store/postgres/test/support.ts';
import { createSqliteControlStore } from '../platform/control-store/sqlite/sqlite-control-store.ts';
import { ControlStoreConfig } from '../schemas/config/control-store.ts';
import { option, percentile, round, type Bench } from './bench.ts';

const clock = createSystemClock();
const WARM_UP = 20;
/** Between two lockouts: each meets gateways that are at rest. */
const PAUSE_MS = 20;

type Figures = Record<string, number | string>;

function note(figures: Figures, name: string, timesMs: readonly number[]): void {
  const measured = timesMs.slice(WARM_UP);
  figures[`${name}P50Ms`] = round(percentile(measured, 0.5));
  figures[`${name}P99Ms`] = round(percentile(measured, 0.99));
  console.log(
    `${name.padEnd(34)} p50 ${String(figures[`${name}P50Ms`]).padStart(7)} ms   p99 ${String(figures[`${name}P99Ms`]).padStart(7)} ms`,
  );
}
async function timed(work: () => Promise<unknown>): Promise<number> {
  const startUs = clock.monotonicUs();
  await work();
  return (clock.monotonicUs() - startUs) / 1000;
}

async function transactions(
  figures: Figures,
  name: string,
  store: ControlStore,
  count: number,
): Promise<void> {
  const reads: number[] = [];
  const flushed: number[] = [];
  const unflushed: number[] = [];
  const increment = (flush: boolean): Promise<void> =>
    store.transact(
      async (transaction) => {
        const n = (await transaction.get<{ n: number }>('bench', 'n'))?.value.n ?? 0;
        await transaction.put('bench', 'n', { n: n + 1 });
      },
      { flush },
    );
  for (let turn = 0; turn < count; turn += 1) {
    reads.push(await timed(() => store.get('bench', 'n')));
    flushed.push(await timed(() => increment(true)));
    unflushed.push(await timed(() => increment(false)));
  }
  note(figures, `${name}Get`, reads);
  note(figures, `${name}Transact`, flushed);
  note(figures, `${name}TransactUnflushed`, unflushed);
}

async function sqlite(figures: Figures, count: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-in-force-'));
  const defaults = Value.Default(ControlStoreConfig, {}) as ControlStoreConfig;
  const store = await createSqliteControlStore(
    { clock },
    { ...defaults, foreignPollMs: 0, file: join(folder, 'control.sqlite') },
  );
  await transactions(figures, 'sqlite', store, count);
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}

async function lockouts(figures: Figures, cluster: Cluster, gateways: number, count: number): Promise<void> {
  const members: Member[] = [];
  for (let index = 0; index < gateways; index += 1)
    members.push(await cluster.start(`bench-${gateways}-${index}`));
  const recorded: number[] = [];
  const applied: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const { core, inForce } = members[index % gateways]!;
    const startUs = clock.monotonicUs();
    const made = await core.control.lockout({
      by: 'bench',
      reason: 'measured',
      incidentId: null,
      idempotencyKey: `${gateways}-${index}`,
      subjectKind: 'identity',
      subject: `bench/${gateways}-${index}`,
      ttlMs: null,
      exerciseId: null,
      automation: { budget: { name: 'bench', identitiesMax: 100_000, windowMs: 1000 } },
    });
    if (!made.ok) throw made.error;
    recorded.push((clock.monotonicUs() - startUs) / 1000);
    applied.push(
      await timed(async () => {
        if (!(await inForce(made.value.revision))) throw new Error('not in force');
      }),
    );
    await clock.sleep(PAUSE_MS);
  }
  note(figures, `gateways${gateways}Recorded`, recorded);
  note(figures, `gateways${gateways}RecordedToInForce`, applied);
  note(
    figures,
    `gateways${gateways}CallToInForce`,
    recorded.map((ms, index) => ms + applied[index]!),
  );
  for (const member of members) await member.stop();
}

export const bench: Bench = async (args) => {
  const count = Number(option(args, 'lockouts', '300')) + WARM_UP;
  const fsync = option(args, 'fsync', 'on');
  const figures: Figures = { lockouts: count - WARM_UP, fsync };
  await sqlite(figures, count);
  const servers = await startStoreServer({ fsync });
  const cluster = await startCluster(servers, { lockoutBudget: { identitiesMax: 100_000, windowMs: 1000 } });
  try {
    const store = await servers.open();
    await transactions(figures, 'postgres', store, count);
    await store.close();
    for (const gateways of [1, 2, 3]) await lockouts(figures, cluster, gateways, count);
  } finally {
    await cluster.stop();
    await servers.stop();
  }
  return { figures, goals: [] };
};
