/** Hour and weekday in a time zone. Offsets change on the quarter hour at most, so that one answer serves 15 minutes. */
const QUARTER_MS = 900_000;
const ZONES_MAX = 200;
const QUARTERS_MAX = 4096;

export interface LocalTime {
  /** 0-23. */
  readonly hour: number;
  /** 1 Monday to 7 Sunday (ISO 8601). */
  readonly weekday: number;
  readonly minute: number;
}

const formatters = new Map<string, Intl.DateTimeFormat>();
/** By zone, then by quarter hour: a key made of both would be built for every event. */
const offsets = new Map<string, Map<number, number>>();

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const make = (zone: string): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  let made: Intl.DateTimeFormat;
  try {
    made = make(timeZone);
  } catch {
    // A claim may carry any text as its zone.
    made = make('UTC');
  }
  if (formatters.size >= 1000) formatters.clear();
  formatters.set(timeZone, made);
  return made;
}

/** Milliseconds to add to UTC at an instant. */
export function zoneOffsetMs(timeZone: string, at: number): number {
  if (timeZone === 'UTC') return 0;
  const quarter = Math.floor(at / QUARTER_MS);
  let ofZone = offsets.get(timeZone);
  const known = ofZone?.get(quarter);
  if (known !== undefined) return known;
  const start = quarter * QUARTER_MS;
  const part: Record<string, number> = {};
  for (const { type, value } of formatterOf(timeZone).formatToParts(start)) part[type] = Number(value);
  const local = Date.UTC(part['year']!, part['month']! - 1, part['day'], part['hour'], part['minute']);
  const offset = local - Math.floor(start / 60_000) * 60_000;
  if (ofZone === undefined) {
    if (offsets.size >= ZONES_MAX) offsets.clear();
    ofZone = new Map();
    offsets.set(timeZone, ofZone);
  }
  if (ofZone.size >= QUARTERS_MAX) ofZone.clear();
  ofZone.set(quarter, offset);
  return offset;
}

export function localTime(timeZone: string, at: number): LocalTime {
  const local = at + zoneOffsetMs(timeZone, at);
  const day = Math.floor(local / 86_400_000);
  const minutes = Math.floor((local - day * 86_400_000) / 60_000);
  // 1970-01-01 was a Thursday.
  return { hour: Math.floor(minutes / 60), minute: minutes % 60, weekday: ((((day + 3) % 7) + 7) % 7) + 1 };
}
