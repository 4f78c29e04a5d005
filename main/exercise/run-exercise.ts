/**
 * Runs one exercise against a running gateway. Everything goes the way that production goes: the history through codec, log and
 * detectors in event time, the attack over a real connection, the response through playbooks and the control API. Nothing here decides the outcome.
 */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import type { Target } from '../../schemas/types.ts';
import type { ApiClient } from '../../cli/api-client.ts';
import type { IssueTokenAnswer } from '../../schemas/api/tokens.ts';
import { createDraw } from './draw.ts';
import type { Exercise } from './catalogue.ts';
import { zoneOffsetMs } from './history.ts';
import { drawActor } from './jobs.ts';
import type { Actor, PlannedSession } from './plan.ts';
import { observe, type Observed } from './observe.ts';
import type { AnalysedStatement, Speech } from './plan-events.ts';
import { sendHistory } from './send-history.ts';
import type { SessionOutcome, StatementOutcome } from './session-outcome.ts';

export interface ExerciseDeps {
  readonly api: ApiClient;
  readonly clock: Clock;
  /** Seeded: decides identity, hours and attack. */
  readonly random: Random;
  readonly analyse: (sql: string) => AnalysedStatement;
  /** Runs a planned session over a real connection through the gateway. */
  readonly runSession: (
    login: { readonly user: string; readonly token: string },
    plan: PlannedSession,
    options: { readonly pauseMsMax: number },
    say: (outcome: StatementOutcome) => void,
  ) => Promise<SessionOutcome>;
  readonly target: Target;
  readonly speech?: Speech;
  /** What answers consist of. */
  readonly unit?: 'rows' | 'lines';
  /** Of the token that is used, besides those of the exercise. */
  readonly tokenAttributes?: Readonly<Record<string, string>>;
  readonly exerciseId: string;
  /** Longest pause between two statements that is waited for, milliseconds. */
  readonly pauseMsMax?: number;
  readonly say: (entry: TimelineEntry) => void;
}

export interface TimelineEntry {
  /** Milliseconds since the exercise's live part began; negative before. */
  readonly atMs: number;
  readonly who: 'exercise' | 'client' | 'detector' | 'responder';
  readonly text: string;
}

export interface ExerciseResult {
  readonly exercise: string;
  readonly exerciseId: string;
  readonly identity: string;
  readonly historyEvents: number;
  readonly asExpected: boolean;
  /** From the first live statement to the first detection that opened an incident, milliseconds. */
  readonly detectedAfterMs: number | null;
  /** From the first live statement to the end of the session by the gateway, milliseconds. */
  readonly containedAfterMs: number | null;
  readonly rowsLeaked: number;
  readonly neverRan: readonly string[];
  readonly detections: readonly {
    readonly detector: string;
    readonly risk: number;
    readonly identityRisk: number;
    readonly reason: string;
  }[];
}

const HISTORY_DAYS = 28;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How long after the last statement the exercise still listens for what comes. */
const SETTLE_MS = 1500;
const NIGHT_HOUR = 3;
const PAUSE_MS_MAX = 1500;

/** A time zone in which it is that hour now, so that the live part needs no faked clock. */
export function zoneWhereItIs(hour: number, now: number): string {
  let offset = hour - new Date(now).getUTCHours();
  if (offset < -12) offset += 24;
  if (offset > 14) offset -= 24;
  if (offset === 0) return 'Etc/GMT';
  return offset > 0 ? `Etc/GMT-${offset}` : `Etc/GMT+${-offset}`;
}

/** Addresses that this machine can bind to: the loopback network stands for the world. */
export const toLoopback = (ip: string): string => `127.${ip.split('.').slice(1).join('.')}`;

export async function runExercise(exercise: Exercise, deps: ExerciseDeps): Promise<ExerciseResult> {
  const { clock, api } = deps;
  const draw = createDraw(deps.random);
  const begun = clock.now();
  let liveAt: number | undefined;
  const say = (who: TimelineEntry['who'], text: string, at = clock.now()): void =>
    deps.say({ atMs: at - (liveAt ?? clock.now()), who, text });

  const number = draw.between(100, 999);
  const drawn = exercise.drawActor?.(draw, number) ?? drawActor(draw, number, exercise.job);
  const actor: Actor = {
    ...drawn,
    timeZone: zoneWhereItIs(NIGHT_HOUR, begun),
    networks: drawn.networks.map(toLoopback),
  };
  say('exercise', `${exercise.name}: ${exercise.summary}`);
  say(
    'exercise',
    `${actor.displayName} works ${actor.work.sessionsPerDay} times a day from ${actor.networks.map((network) => `${network}.0/24`).join(', ')} with ${actor.tool}`,
  );

  const identityId = `countersign/${actor.subject}`;
  const attributes = { exercise_id: deps.exerciseId, exercise_live: 'true', timeZone: actor.timeZone };
  await api.send('PUT', '/v1/identities', {
    id: identityId,
    kind: actor.kind,
    displayName: actor.displayName,
    groups: actor.groups,
    attributes,
  });
  // As pipelines do, and as the history has it: each session has a token of its own.
  const issueToken = (): Promise<IssueTokenAnswer> =>
    api.send('POST', '/v1/tokens', {
      identityId,
      connections: [deps.target.connection],
      ttlMs: actor.tokenLifetimeMs,
      credentialSource: actor.credentialSource,
      ...(deps.tokenAttributes === undefined ? {} : { attributes: deps.tokenAttributes }),
    });

  const history = { until: begun - HOUR_MS, days: HISTORY_DAYS };
  const historyEvents = await sendHistory(actor, draw, history, deps);
  say(
    'exercise',
    `${HISTORY_DAYS} days of history: ${historyEvents} events went through the log and the detectors`,
  );

  const observed = observe(identityId, deps, say);
  try {
    await observed.ready;
    const dayStart = Math.floor((begun + zoneOffsetMs(actor.timeZone, begun)) / DAY_MS) * DAY_MS;
    const sessions = exercise
      .plan(actor, draw, dayStart)
      .map((session) => ({ ...session, ip: toLoopback(session.ip) }));
    liveAt = clock.now();
    const outcomes: SessionOutcome[] = [];
    for (const session of sessions) {
      const outcome = await runOne(session, await issueToken(), deps, say);
      outcomes.push(outcome);
    }
    await clock.sleep(SETTLE_MS);
    return judge(exercise, deps.exerciseId, identityId, historyEvents, liveAt, outcomes, observed);
  } finally {
    observed.stop();
  }
}

async function runOne(
  session: PlannedSession,
  token: IssueTokenAnswer,
  deps: ExerciseDeps,
  say: (who: TimelineEntry['who'], text: string) => void,
): Promise<SessionOutcome> {
  say('client', `logs in from ${session.ip} with ${session.tool}`);
  const outcome = await deps.runSession(
    { user: token.userName, token: token.token },
    session,
    { pauseMsMax: deps.pauseMsMax ?? PAUSE_MS_MAX },
    (statement) => say('client', describe(statement, deps.unit ?? 'rows')),
  );
  if (outcome.refused !== null) say('client', `is refused: ${outcome.refused}`);
  if (outcome.endMessage !== null) say('client', `is cut off: ${outcome.endMessage}`);
  return outcome;
}

function describe({ sql, state, rows, message, startedAt, endedAt }: StatementOutcome, unit: string): string {
  const text = sql.length > 90 ? `${sql.slice(0, 89)}…` : sql;
  if (state === 'ran') return `ran: ${text} (${rows} ${unit}, ${endedAt - startedAt} ms)`;
  if (state === 'never_sent') return `never ran: ${text}`;
  return `${state === 'ended' ? 'never ran' : state}: ${text} (${message})`;
}

function judge(
  exercise: Exercise,
  exerciseId: string,
  identity: string,
  historyEvents: number,
  liveAt: number,
  outcomes: readonly SessionOutcome[],
  observed: Observed,
): ExerciseResult {
  const statements = outcomes.flatMap((outcome) => outcome.statements);
  const first = observed.detections.map(({ detectedAt }) => detectedAt).sort((a, b) => a - b)[0];
  const contained = outcomes.map(({ endedAt }) => endedAt).find((endedAt) => endedAt !== null) ?? null;
  const lockedOut = observed.responses.some(({ action, state }) => action === 'lock_out' && state === 'done');
  const refused = outcomes.some(({ refused: reason }) => reason !== null);
  return {
    exercise: exercise.name,
    exerciseId,
    identity,
    historyEvents,
    asExpected:
      exercise.expect === 'contained'
        ? lockedOut && contained !== null
        : !lockedOut && contained === null && !refused,
    detectedAfterMs: first === undefined ? null : first - liveAt,
    containedAfterMs: contained === null ? null : contained - liveAt,
    rowsLeaked: statements.filter(({ state }) => state === 'ran').reduce((sum, { rows }) => sum + rows, 0),
    neverRan: statements.filter(({ state }) => state !== 'ran').map(({ sql }) => sql),
    detections: observed.detections.map(({ detector, risk, identityRisk, reason }) => ({
      detector,
      risk,
      identityRisk,
      reason,
    })),
  };
}
