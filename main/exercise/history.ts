/** Weeks of an actor's ordinary work, as planned sessions in the order of time. */
import type { Actor, Draw, PlannedSession, PlannedStatement } from './plan.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const formatters = new Map<string, Intl.DateTimeFormat>();
const FORMATTERS_MAX = 100;

/** Making a formatter costs a hundred times as much as using it. */
function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  if (formatters.size >= FORMATTERS_MAX) formatters.clear();
  formatters.set(timeZone, made);
  return made;
}

/** Offset of a time zone at an instant, milliseconds to add to UTC. */
export function zoneOffsetMs(timeZone: string, at: number): number {
  const parts = formatterOf(timeZone).formatToParts(at);
  const get = (type: string): number => Number(parts.find((part) => part.type === type)!.value);
  return (
    Date.UTC(get('year'), get('month') - 1, get('day'), get('hour'), get('minute'), get('second')) -
    Math.floor(at / 1000) * 1000
  );
}

/** The instant of a local hour on the day that `dayStart` (UTC midnight) names. */
export function atLocalHour(
  actor: Pick<Actor, 'timeZone'>,
  dayStart: number,
  hour: number,
  minuteMs: number,
): number {
  const local = dayStart + hour * HOUR_MS + minuteMs;
  return local - zoneOffsetMs(actor.timeZone, local);
}

/** Draws the statements of one ordinary session. */
export function drawStatements(actor: Actor, draw: Draw, volume = 1): PlannedStatement[] {
  const count = Math.max(1, Math.round(actor.work.statementsPerSession * draw.factor(0.25)));
  return Array.from({ length: count }, () => {
    const template = draw.weighted(actor.work.statements);
    const rows =
      template.rows <= 1 ? template.rows : Math.max(1, Math.round(template.rows * volume * draw.factor(0.2)));
    return {
      sql: template.sql(draw),
      afterMs: Math.round(actor.work.paceMs * draw.factor(0.3)),
      rows,
      bytes: rows * template.bytesPerRow,
    };
  });
}

/** A session of the actor's, from its own network with its own tool and a fresh token. */
export function ordinarySession(
  actor: Actor,
  draw: Draw,
  at: number,
  statements: readonly PlannedStatement[],
): PlannedSession {
  return {
    at,
    ip: `${draw.pick(actor.networks)}.${draw.between(2, 250)}`,
    tool: actor.tool,
    tokenId: `t${Math.floor(at / 1000).toString(36)}${draw.between(0, 1295).toString(36)}`,
    tokenIssuedAt: at - draw.between(1, 60) * 1000,
    tokenExpiresAt: at + actor.tokenLifetimeMs,
    statements,
  };
}

/** Plans one day of ordinary work; `dayStart` is midnight UTC of the local date. */
export function planDay(actor: Actor, draw: Draw, dayStart: number): PlannedSession[] {
  const weekday = new Date(dayStart).getUTCDay();
  if (actor.work.weekdaysOnly && (weekday === 0 || weekday === 6)) return [];
  const sessions = Array.from({ length: draw.count(actor.work.sessionsPerDay) }, () => {
    const at = atLocalHour(
      actor,
      dayStart,
      draw.weighted(actor.work.hours).hour,
      draw.between(0, HOUR_MS - 1),
    );
    return ordinarySession(actor, draw, at, drawStatements(actor, draw));
  });
  return sessions.sort((a, b) => a.at - b.at);
}

/** Plans `days` days of ordinary work that end at `until`. */
export function planHistory(actor: Actor, draw: Draw, until: number, days: number): PlannedSession[] {
  const lastDay = Math.floor(until / DAY_MS) * DAY_MS;
  const plans: PlannedSession[] = [];
  for (let day = lastDay - days * DAY_MS; day <= lastDay; day += DAY_MS) {
    plans.push(...planDay(actor, draw, day).filter(({ at }) => at < until && at >= until - days * DAY_MS));
  }
  return plans.sort((a, b) => a.at - b.at);
}
