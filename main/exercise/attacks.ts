/** The library of attacks: what somebody does with a token that is not theirs. */
import { atLocalHour, drawStatements, ordinarySession } from './history.ts';
import type { Actor, Draw, PlannedSession, PlannedStatement } from './plan.ts';

const HOUR_MS = 3_600_000;

export interface Attack {
  readonly name: string;
  /** What it is, in one sentence. */
  readonly summary: string;
  /** Plans the sessions for a day (UTC midnight of the actor's local date). */
  plan(actor: Actor, draw: Draw, dayStart: number): PlannedSession[];
}

const say = (sql: string, rows = 0, bytesPerRow = 80, afterMs = 4000): PlannedStatement => ({
  sql,
  rows,
  bytes: rows * bytesPerRow,
  afterMs,
});

/** Somebody else's network: outside the private ranges that actors work from. */
const foreignIp = (draw: Draw): string => `203.0.${draw.between(112, 114)}.${draw.between(2, 250)}`;

const jitter = (draw: Draw): number => draw.between(0, HOUR_MS - 1);

function nightSession(
  actor: Actor,
  draw: Draw,
  dayStart: number,
  statements: readonly PlannedStatement[],
  tool = 'psql',
): PlannedSession {
  const at = atLocalHour(actor, dayStart, draw.between(1, 4), jitter(draw));
  return { ...ordinarySession(actor, draw, at, statements), ip: foreignIp(draw), tool };
}

function insideSession(
  actor: Actor,
  draw: Draw,
  dayStart: number,
  statements: readonly PlannedStatement[],
): PlannedSession {
  const at = atLocalHour(actor, dayStart, draw.weighted(actor.work.hours).hour, jitter(draw));
  return ordinarySession(actor, draw, at, statements);
}

const RECONNAISSANCE: readonly string[] = [
  'select current_user, session_user, version()',
  "select table_schema, table_name from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')",
  'select rolname, rolsuper, rolcreaterole from pg_catalog.pg_roles',
  'select grantee, table_name, privilege_type from information_schema.role_table_grants where grantee = current_user',
  "select column_name, data_type from information_schema.columns where table_name = 'customers'",
  'select nspname, nspacl from pg_catalog.pg_namespace',
  'select proname, prosecdef from pg_catalog.pg_proc where prosecdef',
];

export const ATTACKS: readonly Attack[] = [
  {
    name: 'stolen-token',
    summary:
      'The token is used at night from elsewhere; somebody looks around, then reads customers in bulk.',
    plan: (actor, draw, dayStart) => [
      nightSession(actor, draw, dayStart, [
        say(RECONNAISSANCE[0]!, 1),
        say(RECONNAISSANCE[1]!, 9),
        say('select count(*) from customers', 1),
        say('select * from customers', 5000, 160),
        say('select * from payments', 20_000, 120),
        say('drop table audit_log'),
      ]),
    ],
  },
  {
    name: 'quiet-exfiltration',
    summary:
      'The pipeline itself is compromised: same network, tool and hours, but it reads tables that the job never touched, whole.',
    plan: (actor, draw, dayStart) => [
      insideSession(actor, draw, dayStart, [
        ...drawStatements(actor, draw).slice(0, 3),
        say('select id, email, phone from customers order by id', 5000, 90),
        say('select customer_id, card_token, amount_cents from payments', 20_000, 70),
        say('select name, salary_cents from employees', 400, 60),
      ]),
    ],
  },
  {
    name: 'reconnaissance',
    summary: 'Somebody maps the database from elsewhere without reading data yet.',
    plan: (actor, draw, dayStart) => {
      const at = atLocalHour(actor, dayStart, draw.weighted(actor.work.hours).hour, jitter(draw));
      return [
        {
          ...ordinarySession(
            actor,
            draw,
            at,
            RECONNAISSANCE.map((sql) => say(sql, draw.between(1, 60), 60, 2500)),
          ),
          ip: foreignIp(draw),
          tool: 'psql',
        },
      ];
    },
  },
  {
    name: 'privilege-escalation',
    summary: 'A back door is made: a new role, more rights, another password.',
    plan: (actor, draw, dayStart) => [
      nightSession(actor, draw, dayStart, [
        say(RECONNAISSANCE[0]!, 1),
        say("create role support_ro login password 'not-the-real-one'"),
        say('grant select on all tables in schema public to support_ro'),
        say('alter role support_ro createrole'),
        say('select * from customers limit 500', 500, 160),
      ]),
    ],
  },
  {
    name: 'destruction',
    summary: 'Data is destroyed from inside the pipeline.',
    plan: (actor, draw, dayStart) => [
      insideSession(actor, draw, dayStart, [
        ...drawStatements(actor, draw).slice(0, 2),
        say('truncate payments'),
        say('drop table customers cascade'),
        say('delete from orders'),
      ]),
    ],
  },
  {
    name: 'credential-theft',
    summary: 'Password hashes and stored secrets are read.',
    plan: (actor, draw, dayStart) => [
      nightSession(actor, draw, dayStart, [
        say('select rolname, rolpassword from pg_catalog.pg_authid', 12, 120),
        say('select usename, passwd from pg_catalog.pg_shadow', 12, 120),
        say('select email, password_hash from app_users', 3000, 120),
        say("select pg_read_file('/etc/passwd')", 1, 2000),
      ]),
    ],
  },
  {
    name: 'opaque-code',
    summary: 'What is done hides in code that only runs in the target.',
    plan: (actor, draw, dayStart) => [
      insideSession(actor, draw, dayStart, [
        ...drawStatements(actor, draw).slice(0, 2),
        say("do $$ begin execute 'dr' || 'op table payments'; end $$"),
        say("do $$ begin execute convert_from(decode('cmVhZCBjdXN0b21lcnM=', 'base64'), 'UTF8'); end $$"),
        say(
          "create function public.sweep() returns void language plpgsql as $$ begin execute current_setting('x.y'); end $$",
        ),
        say('select * from customers', 5000, 160),
      ]),
    ],
  },
  {
    name: 'surge',
    summary: "The job's own statements, over and over: a table is paged out faster than the job ever works.",
    plan: (actor, draw, dayStart) => {
      const template = actor.work.statements.find(({ rows }) => rows > 1) ?? actor.work.statements[0]!;
      const statements = Array.from({ length: 600 }, () => ({
        sql: template.sql(draw),
        afterMs: 40,
        rows: template.rows * 20,
        bytes: template.rows * 20 * template.bytesPerRow,
      }));
      return [insideSession(actor, draw, dayStart, statements)];
    },
  },
];
