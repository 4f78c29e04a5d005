/** Kinds of work that the exercises do not know: irregular people, nightly and monthly jobs, fleets, agents, backups, weekly releases. */
import { atLocalHour } from '../../main/exercise/history.ts';
import type { Actor, Draw, PlannedSession, PlannedStatement } from '../../main/exercise/plan.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Subject } from '../detection/trial-set.ts';
import { adHoc, migrations, say, TABLES } from './statements.ts';

const ZONES = ['Europe/Berlin', 'America/Chicago', 'Asia/Tokyo', 'Europe/London'] as const;
const privateNetwork = (draw: Draw): string => `10.${draw.between(0, 250)}.${draw.between(0, 250)}`;

interface Traits {
  readonly kind: Actor['kind'];
  readonly groups: readonly string[];
  readonly source: string;
  readonly networks: number;
  readonly tool: string;
  readonly tokenHours: number;
}

function makeActor(draw: Draw, name: string, index: number, traits: Traits): Actor {
  return {
    subject: `${name}-${index}`,
    kind: traits.kind,
    displayName: `${name} ${index}`,
    groups: traits.groups,
    credentialSource: traits.source,
    timeZone: draw.pick(ZONES),
    networks: Array.from({ length: traits.networks }, () => privateNetwork(draw)),
    tool: traits.tool,
    tokenLifetimeMs: traits.tokenHours * HOUR_MS,
    // The subjects plan their days themselves.
    work: {
      hours: [],
      weekdaysOnly: false,
      sessionsPerDay: 0,
      statements: [],
      statementsPerSession: 0,
      paceMs: 0,
    },
  };
}

/** A session at a local time of the day; `own` replaces parts of it. */
export function sessionAt(
  actor: Actor,
  draw: Draw,
  dayStart: number,
  minuteOfDay: number,
  statements: readonly PlannedStatement[],
  own: Partial<PlannedSession> = {},
): PlannedSession {
  const at = atLocalHour(actor, dayStart, 0, minuteOfDay * MINUTE_MS + draw.between(0, 59_000));
  return {
    at,
    ip: `${draw.pick(actor.networks)}.${draw.between(2, 250)}`,
    tool: actor.tool,
    tokenId: `h${at.toString(36)}${draw.between(0, 46_655).toString(36)}`,
    tokenIssuedAt: at - draw.between(1, 120) * 1000,
    tokenExpiresAt: at + actor.tokenLifetimeMs,
    statements,
    ...own,
  };
}

const isWeekend = (dayStart: number): boolean => [0, 6].includes(new Date(dayStart).getUTCDay());

function analyst(draw: Draw, index: number): Subject {
  const traits = {
    kind: 'human',
    groups: ['staff', 'analytics'],
    source: 'idp/acme/workforce',
    networks: 2,
    tool: 'DBeaver',
    tokenHours: 8,
  } as const;
  const actor = makeActor(draw, 'analyst', index, traits);
  const early = draw.between(7, 11);
  const tables = [TABLES.orders, TABLES.items, TABLES.products, TABLES.customers, TABLES.events];
  return {
    kind: 'analyst',
    actor,
    planDay(own, dayStart) {
      if (own.chance(isWeekend(dayStart) ? 0.8 : 0.12)) return [];
      return Array.from({ length: own.between(1, 4) }, () => {
        const hour = own.chance(0.08) ? own.between(20, 23) : early + own.between(0, 9);
        const statements = Array.from({ length: own.between(2, 18) }, () =>
          adHoc(own, tables, own.chance(0.04) ? 6000 : 80),
        );
        const elsewhere = own.chance(0.03)
          ? { ip: `100.${own.between(64, 120)}.${own.between(0, 250)}.9` }
          : {};
        return sessionAt(actor, own, dayStart, hour * 60 + own.between(0, 59), statements, {
          tool: own.chance(0.15) ? 'psql' : actor.tool,
          ...elsewhere,
        });
      });
    },
  };
}

function nightEtl(draw: Draw, index: number): Subject {
  const traits = {
    kind: 'service_account',
    groups: ['etl'],
    source: `airflow/warehouse-${index}`,
    networks: 1,
    tool: 'psycopg',
    tokenHours: 6,
  } as const;
  const actor = makeActor(draw, 'etl', index, traits);
  const at = draw.between(60, 240);
  const base = draw.between(5000, 60_000);
  return {
    kind: 'etl',
    actor,
    planDay(own, dayStart) {
      const rows = (share: number): number => Math.round(base * share * own.factor(0.25));
      const statements = [
        say('begin'),
        say('truncate staging_orders'),
        say(
          `select id, customer_id, status, total_cents from orders where created_at > '2026-01-${own.between(10, 28)}'`,
          rows(1),
          60,
          4000,
        ),
        say('select * from order_items', rows(2.5), 50, 9000),
        say('select * from products', rows(0.05), 80, 3000),
        ...Array.from({ length: own.between(8, 14) }, () =>
          say(
            `insert into staging_orders select * from orders where id between ${own.between(1, 500_000)} and ${own.between(500_001, 999_999)}`,
            rows(0.1),
            0,
            2500,
          ),
        ),
        say(`insert into warehouse_runs (name, rows) values ('orders', ${own.between(1, 99_999)})`, 1),
        say('commit'),
      ];
      return [sessionAt(actor, own, dayStart, at + own.between(0, 12), statements)];
    },
  };
}

/** Point reads and writes, day and night with the traffic of a shop. */
function service(kind: 'fleet' | 'api', networks: number) {
  return (draw: Draw, index: number): Subject => {
    const traits = {
      kind: 'workload',
      groups: ['services'],
      source: `k8s/prod/shop/${kind}-${index}`,
      networks,
      tool: 'pgx',
      tokenHours: 1,
    } as const;
    const actor = makeActor(draw, kind, index, traits);
    const perDay = draw.between(14, 30);
    return {
      kind,
      actor,
      planDay: (own, dayStart) =>
        Array.from({ length: own.count(perDay) }, () => {
          const hour = own.chance(0.75) ? own.between(8, 22) : own.between(0, 23);
          const statements = Array.from({ length: own.between(3, 9) }, () =>
            own
              .weighted([
                {
                  weight: 6,
                  make: () =>
                    say(
                      `select id, status, total_cents from orders where customer_id = ${own.between(1, 90_000)} order by id desc limit 20`,
                      own.between(0, 20),
                      60,
                      900,
                    ),
                },
                {
                  weight: 3,
                  make: () =>
                    say(
                      `select id, name, email from customers where id = ${own.between(1, 90_000)}`,
                      1,
                      90,
                      300,
                    ),
                },
                {
                  weight: 2,
                  make: () =>
                    say(
                      `insert into orders (customer_id, status, total_cents) values (${own.between(1, 90_000)}, 'new', ${own.between(100, 9999)})`,
                      1,
                      10,
                      400,
                    ),
                },
                {
                  weight: 2,
                  make: () =>
                    say(
                      `update orders set status = 'paid' where id = ${own.between(1, 900_000)}`,
                      1,
                      10,
                      700,
                    ),
                },
                {
                  weight: 1,
                  make: () =>
                    say(
                      `select title, price_cents, stock from products where category = 'c${own.between(1, 40)}'`,
                      own.between(3, 60),
                      70,
                      500,
                    ),
                },
              ])
              .make(),
          );
          return sessionAt(actor, own, dayStart, hour * 60 + own.between(0, 59), statements);
        }),
    };
  };
}

function monthly(draw: Draw, index: number): Subject {
  const traits = {
    kind: 'service_account',
    groups: ['finance'],
    source: `vault/finance/invoicing-${index}`,
    networks: 1,
    tool: 'JDBC',
    tokenHours: 2,
  } as const;
  const actor = makeActor(draw, 'monthly', index, traits);
  const base = draw.between(8000, 30_000);
  return {
    kind: 'monthly',
    actor,
    historyDays: 120,
    planDay(own, dayStart) {
      if (new Date(dayStart).getUTCDate() !== 1) return [];
      const statements = [
        say(
          'select customer_id, sum(amount_cents) from payments group by customer_id',
          Math.round(base * own.factor(0.1)),
          30,
          8000,
        ),
        say('select id, name, city from customers', Math.round(base * own.factor(0.1)), 70, 5000),
        ...Array.from({ length: own.between(30, 60) }, () =>
          say(
            `insert into invoices (customer_id, amount_cents) values (${own.between(1, 90_000)}, ${own.between(100, 99_999)})`,
            1,
            10,
            200,
          ),
        ),
      ];
      return [sessionAt(actor, own, dayStart, 6 * 60 + own.between(0, 9), statements)];
    },
  };
}

function agent(draw: Draw, index: number): Subject {
  const traits = {
    kind: 'ai_agent',
    groups: ['agents', 'support'],
    source: `agents/support-${index}`,
    networks: 2,
    tool: 'mcp-postgres',
    tokenHours: 1,
  } as const;
  const actor = makeActor(draw, 'agent', index, traits);
  const tables = [TABLES.orders, TABLES.tickets, TABLES.products, TABLES.shipments];
  return {
    kind: 'agent',
    actor,
    planDay(own, dayStart) {
      const sessions = own.count(isWeekend(dayStart) ? 2 : 10);
      return Array.from({ length: sessions }, () => {
        const statements = Array.from({ length: own.between(1, 8) }, () => ({
          ...adHoc(own, tables, 25),
          afterMs: Math.round(3000 * own.factor(0.5)),
        }));
        return sessionAt(actor, own, dayStart, own.between(8 * 60, 20 * 60), statements);
      });
    },
  };
}

function backup(draw: Draw, index: number): Subject {
  const traits = {
    kind: 'service_account',
    groups: ['backup'],
    source: `vault/ops/backup-${index}`,
    networks: 1,
    tool: 'pg_dump',
    tokenHours: 4,
  } as const;
  const actor = makeActor(draw, 'backup', index, traits);
  const at = draw.between(90, 210);
  const sizes = Object.values(TABLES).map((table) => ({ table, rows: draw.between(500, 80_000) }));
  return {
    kind: 'backup',
    actor,
    planDay(own, dayStart) {
      const statements = [
        say('begin'),
        say(
          "select c.oid, c.relname, n.nspname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p')",
          40,
          60,
        ),
        say('select a.attname, a.atttypid from pg_catalog.pg_attribute a where a.attnum > 0', 300, 40),
        ...sizes.map(({ table, rows }) =>
          say(
            `copy public.${table.name} (${table.columns.join(', ')}) to stdout`,
            Math.round(rows * own.factor(0.05)),
            70,
            6000,
          ),
        ),
        say('commit'),
      ];
      return [sessionAt(actor, own, dayStart, at + own.between(0, 3), statements)];
    },
  };
}

function weeklyRelease(draw: Draw, index: number): Subject {
  const traits = {
    kind: 'service_account',
    groups: ['ci', 'deployers'],
    source: `ci/acme/shop-${index}/production`,
    networks: 3,
    tool: 'flyway',
    tokenHours: 1,
  } as const;
  const actor = makeActor(draw, 'release', index, traits);
  const weekday = draw.between(1, 4);
  return {
    kind: 'release',
    actor,
    historyDays: 56,
    planDay(own, dayStart) {
      if (new Date(dayStart).getUTCDay() !== weekday || own.chance(0.05)) return [];
      return Array.from({ length: own.between(1, 3) }, (_, run) => {
        const statements = [
          say('select version, checksum from schema_history order by installed_rank', 60 + run, 40),
          say('select pg_advisory_lock(77)', 1, 10),
          ...migrations(own, own.between(2, 6)),
          say(
            `insert into schema_history (version, checksum) values ('${own.between(1, 999)}', ${own.between(1, 99_999)})`,
            1,
            10,
          ),
          say('select count(*) from orders', 1, 10),
        ];
        return sessionAt(actor, own, dayStart, 13 * 60 + own.between(0, 200), statements);
      });
    },
  };
}

const KINDS: Readonly<Record<string, (draw: Draw, index: number) => Subject>> = {
  analyst,
  etl: nightEtl,
  fleet: service('fleet', 30),
  api: service('api', 2),
  monthly,
  agent,
  backup,
  release: weeklyRelease,
};

export const drawSubject = (draw: Draw, index: number, kinds = Object.keys(KINDS)): Subject =>
  KINDS[draw.pick(kinds)]!(draw, index);

/** Several days of ordinary work; `change` is laid over each session. */
export const workDays = (
  subject: Subject,
  draw: Draw,
  dayStart: number,
  days: number,
  change: (session: PlannedSession, day: number) => PlannedSession = (session) => session,
): PlannedSession[] =>
  Array.from({ length: days }, (_, day) =>
    subject.planDay(draw, dayStart + day * DAY_MS).map((session) => change(session, day)),
  ).flat();
