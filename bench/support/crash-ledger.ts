/** What the target's own log and the event log say, side by side. */
import { readFileSync } from 'node:fs';
import { loadConfig } from '../../main/config.ts';
import { environmentOf } from '../../main/test/support/installation.ts';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { createNodeDisk } from '../../platform/disk/node-disk.ts';
import { createEmbeddedEventLog } from '../../platform/event-log/embedded/embedded-event-log.ts';
import { createPinoLogger } from '../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../platform/metrics/prom-metrics.ts';
import { createCodec } from '../../schemas/codec.ts';
import { TOPICS } from '../../schemas/topics.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import type { Sent } from './crash-load.ts';

export interface Lockout {
  readonly identityId: string;
  readonly revision: number;
  /** When the API said that it is in force, milliseconds since the epoch. */
  readonly inForceAt: number;
}

const MARKER = /marker-\d+/;
/** Of the target's log: time, and a statement as it came in, by either protocol. */
const LOGGED = /^(\S+ \S+ UTC) \[\d+\] app@\S+ LOG:\s+(?:statement|execute [^:]*): (.*)/;

/** Markers that the target got, with when. */
export function readTargetLog(file: string): Map<string, number[]> {
  const got = new Map<string, number[]>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const found = LOGGED.exec(line);
    const marker = found === null ? undefined : MARKER.exec(found[2]!)?.[0];
    if (marker === undefined) continue;
    const times = got.get(marker) ?? [];
    got.set(marker, times);
    times.push(Date.parse(found![1]!.replace(' UTC', 'Z').replace(' ', 'T')));
  }
  return got;
}

/** All session events of an installation that has stopped, in the order of each partition. */
export async function readEvents(dataFolder: string): Promise<{ event: SessionEvent; framed: Buffer }[]> {
  const config = loadConfig(undefined, environmentOf(dataFolder));
  const log = createPinoLogger({ level: 'error' });
  const eventLog = createEmbeddedEventLog(
    {
      disk: createNodeDisk(),
      clock: createSystemClock(),
      random: createSystemRandom(),
      log,
      metrics: createPromMetrics(),
    },
    config.eventLog,
  );
  const codec = createCodec('session-event');
  const events: { event: SessionEvent; framed: Buffer }[] = [];
  const reader = await eventLog.read({
    topic: TOPICS.sessionEvents.name,
    fromOffset: 0,
    onRecords(records) {
      for (const { value } of records) {
        if (value === null) continue;
        const framed = Buffer.from(value);
        const read = codec.decode(framed);
        if (!read.ok) throw new Error(`an event cannot be read: ${read.reason}`);
        events.push({ event: read.value, framed });
      }
    },
    onFailure(error) {
      throw error;
    },
  });
  await reader.caughtUp();
  await reader.close();
  await eventLog.close();
  return events;
}

export interface Comparison {
  readonly targetCommands: number;
  readonly answered: number;
  /** Commands that the target got and no event tells of. */
  readonly missing: readonly string[];
  /** Commands with more than one request event, or that the target got twice. */
  readonly doubled: readonly string[];
  /** Answered to the client, and the target or the events know nothing of it. */
  readonly unknown: readonly string[];
  /** Commands that the target got under a lockout in force. */
  readonly underLockout: readonly string[];
  /** Records that stand in the log more than once (a drain that a crash interrupted); consumers see each once. */
  readonly redelivered: number;
  readonly sessionsOpened: number;
  readonly sessionsNeverClosed: readonly string[];
  readonly sessionsClosedTwice: readonly string[];
  readonly gatewayLost: number;
}

export function compare(
  target: ReadonlyMap<string, readonly number[]>,
  delivered: readonly SessionEvent[],
  sent: ReadonlyMap<string, Sent>,
  lockouts: readonly Lockout[],
): Comparison {
  const events = [...new Map(delivered.map((event) => [event.eventId, event])).values()];
  const requests = new Map<string, SessionEvent[]>();
  const opened = new Set<string>();
  const closed = new Map<string, string[]>();
  for (const event of events) {
    const { body, session } = event;
    if (body.kind === 'session_opened') opened.add(session!.id);
    if (body.kind === 'session_closed')
      closed.set(session!.id, [...(closed.get(session!.id) ?? []), body.reason]);
    const marker = body.kind === 'request' ? MARKER.exec(body.text)?.[0] : undefined;
    if (marker !== undefined) requests.set(marker, [...(requests.get(marker) ?? []), event]);
  }
  const byIdentity = new Map<string, Lockout[]>();
  for (const lockout of lockouts)
    byIdentity.set(lockout.identityId, [...(byIdentity.get(lockout.identityId) ?? []), lockout]);
  const ranUnder = (marker: string, times: readonly number[]): boolean => {
    const own = byIdentity.get(sent.get(marker)?.identityId ?? '') ?? [];
    const revision = requests.get(marker)?.[0]?.controlRevision ?? -1;
    return own.some((lockout) => revision >= lockout.revision || times.some((at) => at > lockout.inForceAt));
  };
  const got = [...target];
  const answered = [...sent.values()].filter((entry) => entry.answered);
  return {
    targetCommands: got.length,
    answered: answered.length,
    missing: got.filter(([marker]) => !requests.has(marker)).map(([marker]) => marker),
    doubled: got
      .filter(([marker, times]) => times.length > 1 || (requests.get(marker)?.length ?? 0) > 1)
      .map(([marker]) => marker),
    unknown: answered
      .filter(({ marker }) => !target.has(marker) || !requests.has(marker))
      .map(({ marker }) => marker),
    underLockout: got.filter(([marker, times]) => ranUnder(marker, times)).map(([marker]) => marker),
    redelivered: delivered.length - events.length,
    sessionsOpened: opened.size,
    sessionsNeverClosed: [...opened].filter((id) => !closed.has(id)),
    sessionsClosedTwice: [...closed].filter(([, reasons]) => reasons.length > 1).map(([id]) => id),
    gatewayLost: [...closed.values()].flat().filter((reason) => reason === 'gateway_lost').length,
  };
}
