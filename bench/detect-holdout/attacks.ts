/** Attacks that the exercises do not have. The rightful owner goes on working meanwhile. */
import type { Draw, PlannedSession, PlannedStatement } from '../../main/exercise/plan.ts';
import { DAY_MS, MINUTE_MS, type Change, type Subject } from '../detection/trial-set.ts';
import { say } from './statements.ts';
import { sessionAt } from './subjects.ts';

const elsewhere = (draw: Draw): string => `198.51.${draw.between(100, 103)}.${draw.between(2, 250)}`;

/** A moment of the subject's ordinary day (local minute), so that the hour is none that it never works. */
function usualMinute(subject: Subject, draw: Draw, dayStart: number): number {
  for (let back = 1; back <= 40; back += 1) {
    const [session] = subject.planDay(draw, dayStart - back * DAY_MS);
    if (session === undefined) continue;
    const sample = sessionAt({ ...subject.actor }, draw, dayStart - back * DAY_MS, 0, []);
    return Math.max(0, Math.round((session.at - sample.at) / MINUTE_MS)) + draw.between(0, 5);
  }
  return 12 * 60;
}

/** Statements of one ordinary session. */
function ownStatements(subject: Subject, draw: Draw, dayStart: number): readonly PlannedStatement[] {
  for (let back = 1; back <= 40; back += 1) {
    const sessions = subject.planDay(draw, dayStart - back * DAY_MS);
    if (sessions.length > 0) return draw.pick(sessions).statements;
  }
  return [];
}

const inside = (
  subject: Subject,
  draw: Draw,
  dayStart: number,
  statements: readonly PlannedStatement[],
  own: Partial<PlannedSession> = {},
): PlannedSession =>
  sessionAt(subject.actor, draw, dayStart, usualMinute(subject, draw, dayStart), statements, own);

const MACHINES = ['etl', 'api', 'release', 'backup', 'fleet'];

export const HOLDOUT_ATTACKS: readonly Change[] = [
  {
    name: 'slow-drip',
    kinds: ['api', 'fleet', 'agent'],
    besideWork: true,
    plan: (subject, draw, dayStart) =>
      [0, 1, 2].flatMap((day) =>
        Array.from({ length: 5 }, () => {
          const pages = Array.from({ length: 10 }, () =>
            say(
              `select id, name, email, phone from customers where id > ${draw.between(1, 90_000)} order by id limit 30`,
              30,
              90,
              4000,
            ),
          );
          return inside(subject, draw, dayStart + day * DAY_MS, pages);
        }),
      ),
  },
  {
    name: 'mimic-elsewhere',
    kinds: MACHINES,
    besideWork: true,
    plan: (subject, draw, dayStart) => {
      const ip = elsewhere(draw);
      return [0, 1].map((day) =>
        inside(subject, draw, dayStart + day * DAY_MS, ownStatements(subject, draw, dayStart), { ip }),
      );
    },
  },
  {
    name: 'one-new-table-inside',
    kinds: MACHINES,
    besideWork: true,
    plan: (subject, draw, dayStart) => [
      inside(subject, draw, dayStart, [
        ...ownStatements(subject, draw, dayStart).slice(0, 4),
        say("select full_name, salary_cents, iban from employees where department = 'sales'", 60, 80),
        say("select full_name, salary_cents, iban from employees where department = 'board'", 9, 80),
      ]),
    ],
  },
  {
    name: 'forged-credential-source',
    kinds: MACHINES,
    besideWork: true,
    plan: (subject, draw, dayStart) => [
      inside(
        subject,
        draw,
        dayStart,
        [
          say('select current_user, version()', 1),
          say("select table_name from information_schema.tables where table_schema = 'public'", 20, 30),
          say(
            "select name, email, phone from customers where created_at > now() - interval '1 year'",
            1500,
            90,
          ),
        ],
        { credentialSource: `ci/contractor-${draw.between(1, 99)}/fork/production` },
      ),
    ],
  },
  {
    name: 'token-in-two-places',
    kinds: ['api', 'fleet', 'agent', 'etl'],
    besideWork: false,
    plan(subject, draw, dayStart) {
      const own = [...subject.planDay(draw, dayStart)].sort(
        (a, b) => b.statements.length - a.statements.length,
      );
      const [victim] = own;
      if (victim === undefined) return [];
      const stolen = {
        ...victim,
        at: victim.at + 2 * MINUTE_MS,
        ip: elsewhere(draw),
        statements: [
          ...victim.statements.slice(0, 3),
          say(
            "select id, customer_id, amount_cents from payments where created_at > now() - interval '30 days'",
            3000,
            40,
            3000,
          ),
        ],
      };
      return [victim, stolen];
    },
  },
  {
    name: 'person-at-night',
    kinds: ['analyst'],
    besideWork: true,
    plan: (subject, draw, dayStart) => [
      sessionAt(
        subject.actor,
        draw,
        dayStart,
        draw.between(3 * 60, 5 * 60),
        [
          say('select * from customers', 40_000, 120, 5000),
          say('select * from payments', 70_000, 90, 9000),
          say('select full_name, salary_cents, iban from employees', 300, 80, 9000),
        ],
        { ip: elsewhere(draw), tool: 'psql' },
      ),
    ],
  },
  {
    name: 'grant-to-self',
    kinds: ['etl', 'api', 'release'],
    besideWork: true,
    plan: (subject, draw, dayStart) => [
      inside(subject, draw, dayStart, [
        ...ownStatements(subject, draw, dayStart).slice(0, 3),
        say('grant pg_read_all_data to app'),
        say('select id, card_token, amount_cents from payments', 20_000, 60, 5000),
      ]),
    ],
  },
  {
    name: 'copy-to',
    kinds: ['api', 'fleet', 'agent', 'etl', 'release'],
    besideWork: true,
    plan: (subject, draw, dayStart) => [
      inside(subject, draw, dayStart, [
        ...ownStatements(subject, draw, dayStart).slice(0, 2),
        say('copy customers to stdout', 40_000, 100, 3000),
        say('copy (select * from payments) to stdout', 60_000, 90, 8000),
      ]),
    ],
  },
  {
    name: 'temp-staging',
    kinds: ['etl', 'api', 'release', 'agent'],
    besideWork: true,
    plan: (subject, draw, dayStart) => [
      inside(subject, draw, dayStart, [
        say('create temp table s as select id, name, email, phone from customers where id < 100000'),
        say(
          'insert into s select id, card_token, amount_cents::text, null from payments where id < 100000',
          20_000,
          0,
        ),
        say('select count(*) from s', 1, 10),
        say('copy s to stdout', 40_000, 90, 3000),
        say('drop table s'),
      ]),
    ],
  },
  {
    name: 'dormant-woken',
    kinds: ['monthly'],
    besideWork: true,
    plan: (subject, draw, dayStart) => [
      sessionAt(
        subject.actor,
        draw,
        dayStart,
        draw.between(9 * 60, 20 * 60),
        [
          ...ownStatements(subject, draw, dayStart).slice(0, 2),
          say('select * from customers', 30_000, 110, 4000),
        ],
        { ip: elsewhere(draw) },
      ),
    ],
  },
  {
    name: 'hijacked-agent',
    kinds: ['agent'],
    besideWork: true,
    plan: (subject, draw, dayStart) => [
      inside(subject, draw, dayStart, [
        ...ownStatements(subject, draw, dayStart).slice(0, 2),
        say("select table_name from information_schema.tables where table_schema = 'public'", 22, 30, 3000),
        say('select * from app_users limit 20', 20, 200, 3000),
        say('select email, password_hash from app_users', 3000, 110, 3000),
        say('select * from employees', 300, 150, 3000),
      ]),
    ],
  },
];
