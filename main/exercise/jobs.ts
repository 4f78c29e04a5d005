/** Kinds of work that service accounts do on the sample database; what varies is drawn per actor. */
import type { Actor, Draw, StatementTemplate, Work } from './plan.ts';

const statement = (
  weight: number,
  rows: number,
  bytesPerRow: number,
  sql: StatementTemplate['sql'],
): StatementTemplate => ({ weight, rows, bytesPerRow, sql });

const STATUSES = ['new', 'paid', 'shipped', 'returned'] as const;

const DEPLOY: readonly StatementTemplate[] = [
  statement(5, 1, 20, () => 'select max(version) from schema_migrations'),
  statement(
    3,
    1,
    40,
    (draw) =>
      `insert into deployments (service, version) values ('orders', '2026.${draw.between(1, 52)}.${draw.between(0, 9)}')`,
  ),
  statement(
    4,
    12,
    60,
    () => 'select id, service, version, deployed_at from deployments order by deployed_at desc limit 12',
  ),
  statement(2, 1, 10, (draw) => `update deployments set state = 'done' where id = ${draw.between(1, 5000)}`),
  statement(1, 1, 10, () => 'begin'),
  statement(1, 1, 10, () => 'commit'),
  statement(2, 8, 40, () => "select name, enabled from feature_flags where service = 'orders'"),
];

const REPORT: readonly StatementTemplate[] = [
  statement(
    6,
    7,
    30,
    () =>
      "select date_trunc('day', created_at), count(*), sum(total_cents) from orders where created_at > now() - interval '7 days' group by 1",
  ),
  statement(
    5,
    30,
    40,
    (draw) =>
      `select region, sum(total_cents) from orders where status = '${draw.pick(STATUSES)}' group by region`,
  ),
  statement(
    3,
    20,
    60,
    (draw) =>
      `select product_id, count(*) from order_items where quantity > ${draw.between(1, 5)} group by product_id order by 2 desc limit 20`,
  ),
  statement(2, 1, 30, () => "insert into report_runs (name) values ('daily-sales')"),
];

const SYNC: readonly StatementTemplate[] = [
  statement(
    8,
    40,
    120,
    (draw) =>
      `select id, customer_id, status, total_cents from orders where id > ${draw.between(1, 90_000)} order by id limit 40`,
  ),
  statement(
    5,
    1,
    20,
    (draw) => `update orders set status = '${draw.pick(STATUSES)}' where id = ${draw.between(1, 90_000)}`,
  ),
  statement(4, 1, 60, (draw) => `select id, name, city from customers where id = ${draw.between(1, 5000)}`),
  statement(1, 1, 20, () => "insert into sync_cursors (name, position) values ('warehouse', now())"),
];

const HEALTH: readonly StatementTemplate[] = [
  statement(6, 1, 10, () => 'select 1'),
  statement(3, 1, 20, () => "select count(*) from orders where created_at > now() - interval '5 minutes'"),
  statement(2, 1, 20, () => 'select max(deployed_at) from deployments'),
];

interface Job {
  readonly name: string;
  readonly groups: readonly string[];
  readonly tool: string;
  readonly statements: readonly StatementTemplate[];
  readonly sessionsPerDay: readonly [number, number];
  readonly statementsPerSession: readonly [number, number];
  readonly paceMs: number;
  /** Round the clock, or a working day that starts at a drawn hour. */
  readonly roundTheClock: boolean;
}

export const JOBS: readonly Job[] = [
  {
    name: 'deploy',
    groups: ['ci', 'deployers'],
    tool: 'psql',
    statements: DEPLOY,
    sessionsPerDay: [4, 9],
    statementsPerSession: [6, 12],
    paceMs: 1500,
    roundTheClock: false,
  },
  {
    name: 'report',
    groups: ['ci', 'analytics'],
    tool: 'psycopg',
    statements: REPORT,
    sessionsPerDay: [3, 8],
    statementsPerSession: [4, 10],
    paceMs: 3000,
    roundTheClock: false,
  },
  {
    name: 'sync',
    groups: ['ci', 'warehouse'],
    tool: 'node-postgres',
    statements: SYNC,
    sessionsPerDay: [12, 24],
    statementsPerSession: [10, 25],
    paceMs: 400,
    roundTheClock: true,
  },
  {
    name: 'health',
    groups: ['ci', 'monitoring'],
    tool: 'node-postgres',
    statements: HEALTH,
    sessionsPerDay: [24, 48],
    statementsPerSession: [2, 4],
    paceMs: 200,
    roundTheClock: true,
  },
];

function workHours(job: Job, draw: Draw): Work['hours'] {
  if (job.roundTheClock) return Array.from({ length: 24 }, (_, hour) => ({ hour, weight: 1 }));
  const start = draw.between(7, 10);
  return Array.from({ length: 9 }, (_, index) => ({ hour: start + index, weight: index === 4 ? 1 : 3 }));
}

const ZONES = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'UTC'] as const;

/** Draws an actor that does one of the jobs (any where `jobName` is absent). */
export function drawActor(draw: Draw, number: number, jobName?: string): Actor {
  const job = jobName === undefined ? draw.pick(JOBS) : JOBS.find(({ name }) => name === jobName)!;
  const repository = `acme/${draw.pick(['orders', 'billing', 'catalog', 'shipping', 'search'])}-${number}`;
  return {
    subject: `ci-${job.name}-${number}`,
    kind: 'service_account',
    displayName: `CI ${job.name} of ${repository}`,
    groups: job.groups,
    credentialSource: `ci/${repository}/production`,
    timeZone: draw.pick(ZONES),
    networks: Array.from(
      { length: draw.between(1, 3) },
      () => `10.${draw.between(0, 200)}.${draw.between(0, 255)}`,
    ),
    tool: job.tool,
    tokenLifetimeMs: 3_600_000,
    work: {
      hours: workHours(job, draw),
      weekdaysOnly: !job.roundTheClock && draw.chance(0.7),
      sessionsPerDay: draw.between(...job.sessionsPerDay),
      statements: job.statements,
      statementsPerSession: draw.between(...job.statementsPerSession),
      paceMs: job.paceMs,
    },
  };
}
