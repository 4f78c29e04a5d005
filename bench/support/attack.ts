/** One attack, timed with one monotonic clock (this process's); times that records carry are whole milliseconds of the same machine's clock. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { ApiClient } from '../../cli/api-client.ts';
import type { ListenerAnswer } from '../../gateway/control-api/services.ts';
import { connectClient } from '../../main/test/support/clients.ts';
import { OFFENDING, type Victim } from '../../main/test/support/victim.ts';
import type { Lockout } from '../../schemas/api/lockouts.ts';
import type { Following } from './follow-loop.ts';

export interface AttackTimes {
  /** From the send of the offending statement. */
  readonly closedMs: number;
  readonly goneMs: number;
  /** Hops; NaN where the records do not tell. */
  readonly eventMs: number;
  readonly detectedMs: number;
  readonly intendedMs: number;
  /** API call until the lockout is made in its transaction. */
  readonly lockedMs: number;
  /** Commit, outbox, log, view: until the session is ended. */
  readonly inForceMs: number;
  readonly cutMs: number;
  readonly endedMs: number;
  readonly stepMs: number;
  readonly pollMs: number;
}

export type AttackOutcome =
  | { readonly ok: true; readonly times: AttackTimes }
  | { readonly ok: false; readonly reason: string };

const GIVE_UP_MS = 3000;
/** For the records of the attack, which come after it. */
const TOLD_MS = 3000;
const RISK_LEVEL = 80;
/** The session's opening must be judged before: the statement is to be what brings the lockout. */
const BEFORE_MS = 60;

interface Around {
  readonly api: ApiClient;
  readonly listener: ListenerAnswer;
  readonly observer: pg.Client;
  readonly following: Following;
}

const wall = (): number => performance.timeOrigin + performance.now();

export async function attack(
  { api, listener, observer, following }: Around,
  victim: Victim,
): Promise<AttackOutcome> {
  const client = await connectClient(listener, victim.login, { ip: victim.elsewhere, tool: 'psql' });
  const { stream } = (client as unknown as { connection: { stream: NodeJS.EventEmitter } }).connection;
  const found = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const { pid } = found.rows[0]!;
  await sleep(BEFORE_MS);
  if (following.of(victim.exerciseId).steps.length > 0)
    return {
      ok: false,
      reason: `contained before the offending statement: ${following
        .of(victim.exerciseId)
        .detections.map(({ detector, risk, identityRisk }) => `${detector} ${risk} ${identityRisk}`)
        .join(', ')}`,
    };

  let closedAt = Number.NaN;
  const closed = once(stream, 'close').then(() => {
    closedAt = performance.now();
  });
  const sentAt = performance.now();
  const sentWall = wall();
  client.query(OFFENDING).catch(() => undefined);
  const abort = new AbortController();
  await Promise.race([closed, sleep(GIVE_UP_MS, undefined, { signal: abort.signal }).catch(() => undefined)]);
  abort.abort();
  if (Number.isNaN(closedAt)) {
    await client.end().catch(() => undefined);
    const { detections } = following.of(victim.exerciseId);
    return {
      ok: false,
      reason: `not cut off; ${detections.map(({ detector, identityRisk }) => `${detector} ${identityRisk}`).join(', ') || 'no detection'}`,
    };
  }
  let goneAt = Number.NaN;
  let polls = 0;
  const pollsFrom = performance.now();
  while (performance.now() - pollsFrom < GIVE_UP_MS) {
    polls += 1;
    const { rowCount } = await observer.query({
      name: 'backend',
      text: 'select 1 from pg_stat_activity where pid = $1',
      values: [pid],
    });
    if (rowCount !== 0) continue;
    goneAt = performance.now();
    break;
  }
  const pollMs = (performance.now() - pollsFrom) / polls;
  if (Number.isNaN(goneAt)) return { ok: false, reason: 'the backend goes on' };
  const isTold = (): boolean => {
    const { end, steps } = following.of(victim.exerciseId);
    return end !== undefined && steps.some(({ action, state }) => action === 'lock_out' && state === 'done');
  };
  const toldUntil = performance.now() + TOLD_MS;
  while (!isTold() && performance.now() < toldUntil) await sleep(BEFORE_MS);
  const { event, end, detections, steps } = following.of(victim.exerciseId);
  const { items } = await api.get<{ items: Lockout[] }>('/v1/lockouts', { limit: 20 });
  const lockout = items.findLast(({ exerciseId }) => exerciseId === victim.exerciseId);
  const eventAt = event?.time ?? Number.NaN;
  const risk = detections.find(
    ({ eventId, identityRisk }) => eventId === event?.eventId && identityRisk >= RISK_LEVEL,
  );
  const first = steps.find(({ action, state }) => action === 'lock_out' && state === 'intended');
  const done = steps.find(({ responseId, state }) => responseId === first?.responseId && state === 'done');
  const detectedAt = risk?.detectedAt ?? Number.NaN;
  const intendedAt = first?.time ?? Number.NaN;
  const lockedAt = lockout?.createdAt ?? Number.NaN;
  const endedAt = end?.time ?? Number.NaN;
  return {
    ok: true,
    times: {
      closedMs: closedAt - sentAt,
      goneMs: goneAt - sentAt,
      eventMs: eventAt - sentWall,
      detectedMs: detectedAt - eventAt,
      intendedMs: intendedAt - detectedAt,
      lockedMs: lockedAt - intendedAt,
      inForceMs: endedAt - lockedAt,
      cutMs: sentWall + (closedAt - sentAt) - endedAt,
      endedMs: goneAt - closedAt,
      stepMs: (done?.durationUs ?? Number.NaN) / 1000,
      pollMs,
    },
  };
}
