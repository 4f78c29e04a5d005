/** Changes that look odd and are right: none may end in a lockout. */
import { atLocalHour, drawStatements, ordinarySession, planDay } from './history.ts';
import type { Actor, Draw, PlannedSession, PlannedStatement } from './plan.ts';

export interface BenignChange {
  readonly name: string;
  readonly summary: string;
  plan(actor: Actor, draw: Draw, dayStart: number): PlannedSession[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Statements of a new release: another column, a further filter; the same tables. */
function releaseStatements(draw: Draw): PlannedStatement[] {
  const say = (sql: string, rows: number): PlannedStatement => ({
    sql,
    rows,
    bytes: rows * 50,
    afterMs: 1500,
  });
  return [
    say(
      `select id, status, total_cents, region from orders where region = 'eu-${draw.between(1, 4)}' order by id limit 40`,
      40,
    ),
    say(
      `select service, state, count(*) from deployments where version like '2026.%' group by service, state`,
      6,
    ),
    say(
      `update orders set region = 'eu-${draw.between(1, 4)}' where id = ${draw.between(1, 90_000)} and region is null`,
      1,
    ),
    say(
      `select product_id, avg(quantity) from order_items where product_id = ${draw.between(1, 900)} group by product_id`,
      1,
    ),
  ];
}

export const BENIGN_CHANGES: readonly BenignChange[] = [
  {
    name: 'night-deploy',
    summary: 'A hotfix goes out at night: usual source, tool and statements, unusual hour.',
    plan(actor, draw, dayStart) {
      const at = atLocalHour(actor, dayStart, draw.between(1, 4), draw.between(0, HOUR_MS - 1));
      const first = ordinarySession(actor, draw, at, drawStatements(actor, draw));
      const second = ordinarySession(actor, draw, at + 600_000, [
        ...drawStatements(actor, draw),
        ...releaseStatements(draw).slice(0, 1),
      ]);
      return [first, second];
    },
  },
  {
    name: 'moved-runner',
    summary: 'The CI runners move to another network: everything else stays.',
    plan(actor, draw, dayStart) {
      const network = `10.${draw.between(201, 254)}.${draw.between(0, 255)}`;
      return [0, 1, 2].flatMap((day) =>
        planDay({ ...actor, networks: [network] }, draw, dayStart + day * DAY_MS),
      );
    },
  },
  {
    name: 'new-release',
    summary: 'A new release brings statements that nobody has seen.',
    plan(actor, draw, dayStart) {
      return planDay(actor, draw, dayStart).map((session) => ({
        ...session,
        statements: [...session.statements, ...releaseStatements(draw)],
      }));
    },
  },
  {
    name: 'month-end',
    summary: 'The month ends: the same work, three times as often, on three times as many rows.',
    plan(actor, draw, dayStart) {
      const busy: Actor = {
        ...actor,
        work: { ...actor.work, sessionsPerDay: actor.work.sessionsPerDay * 3 },
      };
      return planDay(busy, draw, dayStart).map((session) => ({
        ...session,
        statements: drawStatements(actor, draw, 3),
      }));
    },
  },
];
