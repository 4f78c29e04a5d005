/**
 * `npm run bench -- postgres [--seconds N] [--rounds N] [--clients 1,8,32] [--modes simple,extended,prepared] [--warm TRANSACTIONS] [--only direct,process]
 * [--profile]`: pgbench -S direct, through pgbouncer, and through the gateway with each durability; interleaved, so that what
 * else the machine does hits all alike. On loopback without TLS, which pgbouncer is measured without, too.
 */
import { loadavg } from 'node:os';
import { startPostgres } from '../test/servers/postgres.ts';
import { atLeast, option, percentile, round, type Bench, type Goal } from './bench.ts';
import { startGatewayProcess, type Endpoint, type Usage } from './support/gateway-process.ts';
import { hasPgbouncer, startPgbouncer } from './support/pgbouncer.ts';
import { pgbenchInit, pgbenchSelect, type PgbenchMode } from './support/pgbench.ts';

interface Contender {
  readonly name: string;
  readonly endpoint: Endpoint;
  usage?(): Usage | Promise<Usage>;
  profile?(file: string): Promise<void>;
  stop(): Promise<void>;
}

interface Sample {
  readonly tps: number;
  /** Processor time of what stands in the middle, microseconds a transaction. */
  readonly cpuUs: number;
}

const SCALE = 5;
const GOALS: Readonly<Record<PgbenchMode, number>> = { simple: 0.95, extended: 0.95, prepared: 1 };
const BLOCKS_BELOW = 0.6;

const median = (values: readonly number[]): number => percentile(values, 0.5);
const spread = (values: readonly number[]): string =>
  `${round(Math.min(...values))}-${round(Math.max(...values))}`;

async function startContenders(target: Endpoint, only: string): Promise<Contender[]> {
  const wanted = (name: string): boolean => only === '' || only.split(',').includes(name);
  const contenders: Contender[] = [];
  if (wanted('direct')) contenders.push({ name: 'direct', endpoint: target, stop: () => Promise.resolve() });
  if (wanted('pgbouncer')) {
    if (hasPgbouncer()) contenders.push({ name: 'pgbouncer', ...(await startPgbouncer(target)) });
    else console.log('pgbouncer is not here (Debian: apt-get install pgbouncer): no ratios to it');
  }
  for (const durability of ['process', 'power', 'async'] as const) {
    if (!wanted(durability)) continue;
    contenders.push({
      name: durability,
      ...(await startGatewayProcess({ durability, roles: 'gateway', target })),
    });
  }
  if (wanted('all-roles'))
    contenders.push({
      name: 'all-roles',
      ...(await startGatewayProcess({ durability: 'process', roles: 'all', target })),
    });
  return contenders;
}

async function measure(
  contender: Contender,
  run: { mode: PgbenchMode; clients: number; seconds: number },
  profileFile: string | undefined,
): Promise<Sample> {
  if (profileFile !== undefined) await contender.profile?.(profileFile);
  const before = await contender.usage?.();
  const { tps, transactions, failed } = await pgbenchSelect(contender.endpoint, run);
  const after = await contender.usage?.();
  if (profileFile !== undefined) await contender.profile?.(profileFile);
  if (failed > 0) throw new Error(`${contender.name}: ${failed} transactions failed`);
  const cpuUs = before === undefined || after === undefined ? 0 : (after.cpuUs - before.cpuUs) / transactions;
  return { tps, cpuUs };
}

export const bench: Bench = async (args) => {
  const seconds = Number(option(args, 'seconds', '3'));
  const rounds = Number(option(args, 'rounds', '3'));
  const clientCounts = option(args, 'clients', '1,8,32').split(',').map(Number);
  const modes = option(args, 'modes', 'simple,extended,prepared').split(',') as PgbenchMode[];
  const warm = Number(option(args, 'warm', '16000'));
  const profiled = args.includes('--profile');
  const server = await startPostgres({ log_statement: 'none', max_connections: '200' });
  const { host, port, user, password } = server;
  const target = { host, port, user, password, database: 'postgres' };
  const figures: Record<string, number> = {};
  const goals: Goal[] = [];
  const contenders: Contender[] = [];
  try {
    await pgbenchInit(target, SCALE);
    contenders.push(...(await startContenders(target, option(args, 'only', ''))));
    for (const mode of modes) {
      // A first run that does not count: what the middle compiles and caches is paid once.
      for (const { endpoint } of contenders)
        await pgbenchSelect(endpoint, { mode, clients: 8, transactionsPerClient: Math.ceil(warm / 8) });
      for (const clients of clientCounts) {
        const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
        for (let turn = 0; turn < rounds; turn += 1)
          for (const contender of contenders)
            samples
              .get(contender.name)!
              .push(
                await measure(
                  contender,
                  { mode, clients, seconds },
                  profiled ? `${contender.name}-${mode}-${clients}.cpuprofile` : undefined,
                ),
              );
        report(mode, clients, samples, figures, goals);
      }
    }
  } finally {
    for (const contender of contenders) await contender.stop();
    await server.stop();
  }
  return { figures, goals };
};

function report(
  mode: PgbenchMode,
  clients: number,
  samples: ReadonlyMap<string, readonly Sample[]>,
  figures: Record<string, number>,
  goals: Goal[],
): void {
  console.log(`\n${mode}, ${clients} clients (load ${round(loadavg()[0]!, 1)})`);
  const reference = samples.get('pgbouncer');
  const direct = samples.get('direct');
  for (const [name, own] of samples) {
    const tps = Math.round(median(own.map((sample) => sample.tps)));
    const cpuUs = round(median(own.map((sample) => sample.cpuUs)), 1);
    const ratios = (to: readonly Sample[]): number[] => own.map((sample, turn) => sample.tps / to[turn]!.tps);
    const against = (to: readonly Sample[] | undefined): string =>
      to === undefined ? '' : `${round(median(ratios(to)))} (${spread(ratios(to))})`;
    console.log(
      `  ${name.padEnd(10)} ${String(tps).padStart(6)} tps ${String(cpuUs).padStart(6)} us cpu/transaction` +
        `   of direct ${against(direct)}   of pgbouncer ${against(reference)}`,
    );
    figures[`${mode}-${clients}-${name}-tps`] = tps;
    if (cpuUs > 0) figures[`${mode}-${clients}-${name}-cpuUs`] = cpuUs;
    if (name !== 'process' || reference === undefined) continue;
    const ratio = round(median(ratios(reference)), 3);
    goals.push(atLeast(`${mode}, ${clients} clients, of pgbouncer`, GOALS[mode], ratio));
    if (ratio < BLOCKS_BELOW) goals.push(atLeast(`${mode}, ${clients} clients, blocks`, BLOCKS_BELOW, ratio));
  }
}
