/** Hours of the week in a time zone. */
import type { PolicyRule } from '../../schemas/config/policy-rule.ts';

export type Hours = NonNullable<PolicyRule['hours']>;
export type HoursMatcher = (nowMs: number) => boolean;

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const MINUTE_MS = 60_000;

function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
}

/** A matcher, or why the hours are none. Hours over midnight belong to the day on which they begin. */
export function compileHours(hours: Hours): HoursMatcher | { readonly reason: string } {
  const from = minutesOf(hours.from);
  const to = minutesOf(hours.to);
  if (from === to) return { reason: 'hours begin and end at the same time' };
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: hours.timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
  } catch {
    return { reason: `time zone "${hours.timeZone}" is not known` };
  }
  const days = new Set<string>(hours.days ?? DAYS);
  const within = (nowMs: number): boolean => {
    const parts = new Map(format.formatToParts(nowMs).map((part) => [part.type, part.value]));
    const day = DAYS.findIndex((name) => name === parts.get('weekday')?.toLowerCase().slice(0, 3));
    const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
    const today = days.has(DAYS[day]!);
    if (from < to) return today && minute >= from && minute < to;
    const yesterday = days.has(DAYS[(day + 6) % 7]!);
    return (today && minute >= from) || (yesterday && minute < to);
  };
  // The answer changes at whole minutes only: one look at the calendar per minute.
  let lastMinute = Number.NaN;
  let last = false;
  return (nowMs) => {
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute !== lastMinute) {
      last = within(nowMs);
      lastMinute = minute;
    }
    return last;
  };
}
