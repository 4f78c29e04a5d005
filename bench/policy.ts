/**
 * `npm run bench -- policy [--seconds N] [--rounds N] [--clients N] [--modes simple,extended,prepared] [--only decisions|path]`: decisions a second, built in and in Rego
 * (a bundle in this process; a remote OPA where one is built), and the audited PostgreSQL path with 50 rules against none of one's own,
 * interleaved, so that what else the machine does hits both alike.
 */
import { loadavg } from 'node:os';
import { createAskedPolicy } from '../gateway/policy/asked-policy.ts';
import { createBuiltInPolicy } from '../gateway/policy/built-in-policy.ts';
import type { DecisionInput, Policy } from '../gateway/policy/decision.ts';
import type { Engine } from '../gateway/policy/engine.ts';
import { createOpaEngine } from '../gateway/policy/opa-engine.ts';
import { createRegoEngine } from '../gateway/policy/rego/rego-engine.ts';
import { BUNDLE_FOLDER } from '../gateway/policy/rego/test/make-fixture.ts';
import { clock, deps, READER, regoConfig } from '../gateway/policy/rego/test/support.ts';
import { action, input } from '../gateway/policy/test/support.ts';
import { findOpa, startOpa } from '../test/servers/opa.ts';
import { startPostgres } from '../test/servers/postgres.ts';
import { atLeast, atMost, option, percentile, round, type Bench, type Goal } from './bench.ts';
import { startGatewayProcess, type Endpoint, type GatewayProcess } from './support/gateway-process.ts';
import { pgbenchInit, pgbenchSelect, type PgbenchMode } from './support/pgbench.ts';
import { manyRules } from './support/policy-rules.ts';

const RULES = 50;
const SCALE = 5;
const WARM = 4000;

const median = (values: readonly number[]): number => percentile(values, 0.5);

/** Runs `work` for about a second; nanoseconds each. */
function nanosecondsOf(work: (index: number) => void): number {
  for (let index = 0; index < 20_000; index += 1) work(index);
  let count = 0;
  const begin = process.cpuUsage();
  const endUs = clock.monotonicUs() + 1e6;
  do {
    for (let index = 0; index < 5000; index += 1) work(index);
    count += 5000;
  } while (clock.monotonicUs() < endUs);
  const { user, system } = process.cpuUsage(begin);
  return ((user + system) * 1000) / count;
}

/** Fresh actions: another shape each time, in a session that goes on. */
const coldShape = (given: DecisionInput): DecisionInput => ({ ...given, actions: [action('read')] });

function builtIn(figures: Record<string, number>): void {
  for (const count of [7, RULES, 1000]) {
    const policy = createBuiltInPolicy({ rules: manyRules(count) });
    const warm = input();
    const warmNs = round(
      nanosecondsOf(() => void policy.decide(warm)),
      0,
    );
    const coldNs = round(
      nanosecondsOf(() => void policy.decide(coldShape(warm))),
      0,
    );
    const sessionNs = round(
      nanosecondsOf(() => void policy.decide({ ...input() })),
      0,
    );
    const timed = createBuiltInPolicy({
      rules: [
        { name: 'rate', rate: { requestsPerMinuteMax: 1_000_000 }, outcome: 'allow', reason: 'r' },
        ...manyRules(count),
      ],
    });
    const usage = { identityRequestsLastMinute: 1, sessionRequestsLastMinute: 1, rows: 0, bytes: 0 };
    const moving = { ...warm, usage };
    const movingNs = round(
      nanosecondsOf(() => void timed.decide(moving)),
      0,
    );
    console.log(
      `built in, ${count} rules: warm shape ${warmNs} ns (${Math.round(1e9 / warmNs)} a second), with a rate ${movingNs} ns, new shape ${coldNs} ns, new session ${sessionNs} ns`,
    );
    figures[`built-in-${count}-warmNs`] = warmNs;
    figures[`built-in-${count}-rateNs`] = movingNs;
    figures[`built-in-${count}-coldNs`] = coldNs;
    figures[`built-in-${count}-sessionNs`] = sessionNs;
  }
}

/** Microseconds of each of `count` decisions that nobody made before, one after another. */
async function fresh(engine: Engine, count: number): Promise<number[]> {
  const taken: number[] = [];
  const document = JSON.stringify({
    identity: { kind: 'human', groups: ['readers'] },
    actions: [{ action: 'read' }],
  });
  for (let index = 0; index < count; index += 1) {
    const begin = clock.monotonicUs();
    const asked = await engine.ask(document);
    if (!asked.ok) throw new Error(asked.error.message);
    taken.push(clock.monotonicUs() - begin);
  }
  return taken.slice(Math.floor(count / 5));
}

async function rego(name: string, engine: Engine, figures: Record<string, number>): Promise<void> {
  await engine.start();
  const taken = await fresh(engine, 2000);
  const policy: Policy = createAskedPolicy(
    { engine, decisionLog: null },
    { cachedMax: 1000, cacheMs: 3_600_000, withUsage: false },
  );
  const warm = input({ identity: READER });
  await policy.decide(warm);
  const warmNs = round(
    nanosecondsOf(() => void policy.decide(warm)),
    0,
  );
  const [p50, p99] = [round(percentile(taken, 0.5), 0), round(percentile(taken, 0.99), 0)];
  console.log(
    `${name}: new decision p50 ${p50} us, p99 ${p99} us; warm shape ${warmNs} ns (${Math.round(1e9 / warmNs)} a second)`,
  );
  figures[`${name}-freshP50Us`] = p50;
  figures[`${name}-freshP99Us`] = p99;
  figures[`${name}-warmNs`] = warmNs;
}

async function decisions(figures: Record<string, number>): Promise<void> {
  builtIn(figures);
  const engine = createRegoEngine(deps, regoConfig());
  await rego('rego', engine, figures);
  engine.close();
  if (findOpa() === undefined) {
    console.log('no remote OPA: it is not built on this machine (node test/servers/run.ts opa)');
    return;
  }
  const server = await startOpa(BUNDLE_FOLDER);
  const remote = createOpaEngine(deps, {
    url: server.url,
    path: 'countersign/decision',
    timeoutMs: 5000,
    connectionsMax: 8,
    waitingMax: 1000,
    cacheMs: 1000,
    withUsage: false,
    cachedMax: 1000,
  });
  await rego('opa', remote, figures);
  remote.close();
  await server.stop();
}

interface Sample {
  readonly tps: number;
  readonly cpuUs: number;
}

async function measure(
  { endpoint, usage }: { endpoint: Endpoint; usage?: GatewayProcess['usage'] },
  run: { mode: PgbenchMode; clients: number; seconds: number },
): Promise<Sample> {
  const before = await usage?.();
  const { tps, transactions, failed } = await pgbenchSelect(endpoint, run);
  const after = await usage?.();
  if (failed > 0) throw new Error(`${failed} transactions failed`);
  return { tps, cpuUs: before === undefined ? 0 : (after!.cpuUs - before.cpuUs) / transactions };
}

async function path(args: readonly string[], figures: Record<string, number>, goals: Goal[]): Promise<void> {
  const seconds = Number(option(args, 'seconds', '3'));
  const rounds = Number(option(args, 'rounds', '5'));
  const clients = Number(option(args, 'clients', '8'));
  const modes = option(args, 'modes', 'simple,extended,prepared').split(',') as PgbenchMode[];
  const server = await startPostgres({ log_statement: 'none', max_connections: '100' });
  const { host, port, user, password } = server;
  const target = { host, port, user, password, database: 'postgres' };
  const order = { durability: 'process', roles: 'gateway', target } as const;
  const gateways: GatewayProcess[] = [];
  try {
    await pgbenchInit(target, SCALE);
    const without = await startGatewayProcess(order);
    gateways.push(without);
    const withRules = await startGatewayProcess({ ...order, policy: { rules: manyRules(RULES) } });
    gateways.push(withRules);
    for (const mode of modes) {
      for (const { endpoint } of gateways)
        await pgbenchSelect(endpoint, { mode, clients, transactionsPerClient: WARM / clients });
      const samples: Sample[][] = [[], [], []];
      for (let turn = 0; turn < rounds; turn += 1)
        for (const [index, one] of [{ endpoint: target }, without, withRules].entries())
          samples[index]!.push(await measure(one, { mode, clients, seconds }));
      const [direct, plain, ruled] = samples as [Sample[], Sample[], Sample[]];
      const ratio = round(median(ruled.map((one, turn) => one.tps / plain[turn]!.tps)), 3);
      const cpu = round(median(ruled.map((one, turn) => one.cpuUs / plain[turn]!.cpuUs)), 3);
      const of = (list: readonly Sample[]): number =>
        round(median(list.map((one, turn) => one.tps / direct[turn]!.tps)));
      console.log(
        `${mode}, ${clients} clients (load ${round(loadavg()[0]!, 1)}): ${Math.round(median(plain.map(({ tps }) => tps)))} tps without, ` +
          `${Math.round(median(ruled.map(({ tps }) => tps)))} with ${RULES} rules; of direct ${of(plain)} and ${of(ruled)}; ` +
          `processor time ${round(median(plain.map(({ cpuUs }) => cpuUs)), 1)} and ${round(median(ruled.map(({ cpuUs }) => cpuUs)), 1)} us a transaction`,
      );
      figures[`${mode}-ratio`] = ratio;
      figures[`${mode}-cpuRatio`] = cpu;
      goals.push(atLeast(`${mode}: throughput with ${RULES} rules, of that without`, 0.95, ratio));
      goals.push(atMost(`${mode}: processor time with ${RULES} rules, of that without`, 1.05, cpu));
    }
  } finally {
    for (const gateway of gateways) await gateway.stop();
    await server.stop();
  }
}

export const bench: Bench = async (args) => {
  const figures: Record<string, number> = {};
  const goals: Goal[] = [];
  const only = option(args, 'only', '');
  if (only !== 'path') await decisions(figures);
  if (only !== 'decisions') await path(args, figures, goals);
  return { figures, goals };
};
