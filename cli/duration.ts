import { cliError } from './errors.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `90s`, `15m`, `1h`, `7d` as milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) throw cliError('CLI_BAD_DURATION', { text });
  return Math.round(Number(match[1]) * UNITS[match[2]!]!);
}

/** Reads a point in time: ISO 8601, or a duration before `nowMs`. */
export function parseTime(text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?(ms|s|m|h|d)$/.test(text)) return nowMs - parseDuration(text);
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw cliError('CLI_BAD_TIME', { text });
  return time;
}
