/** Changes that look odd and are right, of other kinds than those of the exercises. */
import type { PlannedSession } from '../../main/exercise/plan.ts';
import { HOUR_MS, type Change } from '../detection/trial-set.ts';
import { adHoc, failing, migrations, say, TABLES } from './statements.ts';
import { sessionAt, workDays } from './subjects.ts';

export const HOLDOUT_BENIGN: readonly Change[] = [
  {
    name: 'on-call-incident',
    kinds: ['analyst'],
    besideWork: true,
    plan: (subject, draw, dayStart) => [
      sessionAt(subject.actor, draw, dayStart, draw.between(2 * 60, 4 * 60), [
        say('select pid, state, query from pg_stat_activity', 40, 200, 20_000),
        say('select pid, granted, mode from pg_locks where not granted', 5, 60, 20_000),
        say(`select pg_terminate_backend(${draw.between(100, 9999)})`, 1, 5, 30_000),
        say(
          `update orders set status = 'new' where id between ${draw.between(1, 500)} and ${draw.between(501, 900)}`,
          120,
          0,
          60_000,
        ),
        say("delete from web_events where seen_at < now() - interval '90 days'", 9000, 0, 60_000),
        say('drop index if exists idx_slow', 0, 0, 60_000),
        say('create index idx_fast on orders (status, created_at)', 0, 0, 60_000),
        say('alter table orders set (autovacuum_enabled = true)', 0, 0, 20_000),
      ]),
    ],
  },
  {
    name: 'schema-migration',
    kinds: ['release'],
    besideWork: false,
    plan: (subject, draw, dayStart) => [
      sessionAt(subject.actor, draw, dayStart, 13 * 60 + draw.between(0, 240), [
        say('select version, checksum from schema_history order by installed_rank', 70, 40),
        say('select pg_advisory_lock(77)', 1, 10),
        ...migrations(draw, 14),
        say('create table orders_v2 (id bigint primary key, customer_id bigint, status text)'),
        say('insert into orders_v2 select id, customer_id, status from orders', 30_000, 0, 8000),
        say('alter table orders rename to orders_v1'),
        say('alter table orders_v2 rename to orders'),
      ]),
    ],
  },
  {
    name: 'clock-change',
    kinds: ['etl', 'backup', 'release'],
    besideWork: false,
    plan: (subject, draw, dayStart) =>
      workDays(subject, draw, dayStart, 5, (session) => ({ ...session, at: session.at - HOUR_MS })),
  },
  {
    name: 'holiday-return',
    kinds: ['analyst', 'agent', 'etl', 'release'],
    silent: 16,
    besideWork: false,
    plan: (subject, draw, dayStart) => workDays(subject, draw, dayStart, 5),
  },
  {
    name: 'new-region',
    kinds: ['fleet', 'api'],
    besideWork: false,
    plan(subject, draw, dayStart) {
      const region = Array.from({ length: 4 }, () => `10.${draw.between(0, 250)}.${draw.between(0, 250)}`);
      return workDays(subject, draw, dayStart, 3, (session, day) =>
        draw.chance([0.1, 0.4, 0.7][day]!)
          ? { ...session, ip: `${draw.pick(region)}.${draw.between(2, 250)}` }
          : session,
      );
    },
  },
  {
    name: 'retry-storm',
    kinds: ['api', 'fleet', 'etl'],
    besideWork: true,
    plan(subject, draw, dayStart) {
      const [ordinary] = workDays(subject, draw, dayStart, 3);
      if (ordinary === undefined) return [];
      const statement =
        ordinary.statements.find(({ sql }) => /^(insert|update)/.test(sql)) ?? ordinary.statements[0]!;
      const storm = Array.from({ length: draw.between(40, 80) }, () =>
        failing(statement.sql, '40001', draw.between(200, 1500)),
      );
      return [{ ...ordinary, at: ordinary.at + 20 * 60_000, statements: [...storm, ...ordinary.statements] }];
    },
  },
  {
    name: 'first-week',
    silent: 'all',
    besideWork: false,
    plan: (subject, draw, dayStart) => workDays(subject, draw, dayStart, 7),
  },
  {
    name: 'monthly-run',
    kinds: ['monthly'],
    // 1 November.
    day: 6,
    besideWork: false,
    plan: (subject, draw, dayStart) => workDays(subject, draw, dayStart, 1),
  },
  {
    name: 'repository-renamed',
    kinds: ['etl', 'api', 'release'],
    besideWork: false,
    plan: (subject, draw, dayStart) =>
      workDays(subject, draw, dayStart, 5, (session) => ({
        ...session,
        credentialSource: `${subject.actor.credentialSource}-renamed`,
      })),
  },
  {
    name: 'backfill',
    kinds: ['etl'],
    besideWork: true,
    plan: (subject, draw, dayStart) =>
      [9, 10, 11, 13, 14].flatMap((hour) =>
        workDays(subject, draw, dayStart, 1).map((session): PlannedSession =>
          sessionAt(subject.actor, draw, dayStart, hour * 60 + draw.between(0, 20), session.statements),
        ),
      ),
  },
  {
    name: 'busy-agent',
    kinds: ['agent'],
    besideWork: true,
    plan: (subject, draw, dayStart) => [
      sessionAt(
        subject.actor,
        draw,
        dayStart,
        draw.between(9 * 60, 18 * 60),
        Array.from({ length: 50 }, () => ({
          ...adHoc(draw, [TABLES.orders, TABLES.tickets, TABLES.products, TABLES.items], 40),
          afterMs: Math.round(5000 * draw.factor(0.5)),
        })),
      ),
    ],
  },
  {
    name: 'analyst-travels',
    kinds: ['analyst'],
    besideWork: false,
    plan(subject, draw, dayStart) {
      const hotel = `100.${draw.between(64, 120)}.${draw.between(0, 250)}`;
      return workDays(subject, draw, dayStart, 3, (session) => ({
        ...session,
        at: session.at + 6 * HOUR_MS,
        ip: `${hotel}.${draw.between(2, 250)}`,
      }));
    },
  },
];
