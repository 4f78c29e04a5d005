/**
 * Runs one exercise against a running gateway. Everything goes the way that production goes: the history through codec, log and
 * detectors in event time, the attack over a real connection, the response through playbooks and the control API. Nothing here decides the outcome.
 */
import type { Clock, Random } from '../../platform/clock/clock.ts';
import { createCodec } from '../../schemas/codec.ts';
import type { Detection, Incident, ResponseStep, Target } from '../../schemas/types.ts';
import type { ApiClient } from '../../cli/api-client.ts';
import type { ImportAnswer } from '../../schemas/api/imports.ts';
import type { IssueTokenAnswer } from '../../schemas/api/tokens.ts';
import { createDraw } from './draw.ts';
import type { Exercise } from './catalogue.ts';
import { planHistory, zoneOffsetMs } from './history.ts';
import { drawActor } from './jobs.ts';
import {
  runLiveSession,
  type GatewayAddress,
  type SessionOutcome,
  type StatementOutcome,
} from './live-session.ts';
import type { Actor, PlannedSession } from './plan.ts';
import { createPlanEvents, type AnalysedStatement } from './plan-events.ts';

export interface ExerciseDeps {
  readonly api: ApiClient;
  readonly clock: Clock;
  /** Seeded: decides identity, hours and attack. */
  readonly random: Random;
  readonly analyse: (sql: string) => AnalysedStatement;
  readonly gateway: GatewayAddress;
  readonly target: Target;
  readonly exerciseId: string;
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

/** A time zone in which it is night now, so that the live part needs no faked clock. */
function zoneWhereItIsNight(now: number): string {
  let offset = NIGHT_HOUR - new Date(now).getUTCHours();
  if (offset < -12) offset += 24;
  if (offset === 0) return 'Etc/GMT';
  return offset > 0 ? `Etc/GMT-${offset}` : `Etc/GMT+${-offset}`;
}

/** Addresses that this machine can bind to: the loopback network stands for the world. */
const toLoopback = (ip: string): string => `127.${ip.split('.').slice(1).join('.')}`;

export async function runExercise(exercise: Exercise, deps: ExerciseDeps): Promise<ExerciseResult> {
  const { clock, api } = deps;
  const draw = createDraw(deps.random);
  const begun = clock.now();
  let liveAt: number | undefined;
  const say = (who: TimelineEntry['who'], text: string, at = clock.now()): void =>
    deps.say({ atMs: at - (liveAt ?? clock.now()), who, text });

  const drawn = drawActor(draw, draw.between(100, 999), exercise.job);
  const actor: Actor = {
    ...drawn,
    timeZone: zoneWhereItIsNight(begun),
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
  const token = await api.send<IssueTokenAnswer>('POST', '/v1/tokens', {
    identityId,
    connections: [deps.gateway.connection],
    ttlMs: actor.tokenLifetimeMs,
    credentialSource: actor.credentialSource,
  });

  const historyEvents = await sendHistory(actor, draw, begun, deps);
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
      const outcome = await runOne(session, token, deps, say);
      outcomes.push(outcome);
    }
    await clock.sleep(SETTLE_MS);
    return judge(exercise, deps.exerciseId, identityId, historyEvents, liveAt, outcomes, observed);
  } finally {
    observed.stop();
  }
}

async function sendHistory(
  actor: Actor,
  draw: ReturnType<typeof createDraw>,
  until: number,
  deps: ExerciseDeps,
): Promise<number> {
  const codec = createCodec('session-event');
  const eventsOf = createPlanEvents({
    random: deps.random,
    analyse: deps.analyse,
    target: deps.target,
    origin: 'exercise',
    exerciseId: deps.exerciseId,
  });
  const lines: string[] = [];
  for (const session of planHistory(actor, draw, until - HOUR_MS, HISTORY_DAYS)) {
    for (const event of eventsOf(actor, session)) lines.push(JSON.stringify(codec.toJson(event)));
  }
  const answer = await deps.api.sendText<ImportAnswer>(
    'POST',
    `/v1/events/import?wait=detected&exercise=${encodeURIComponent(deps.exerciseId)}`,
    'application/x-ndjson',
    `${lines.join('\n')}\n`,
  );
  if (answer.imported !== lines.length)
    throw new Error(`the history was not taken whole: ${JSON.stringify(answer.problems.slice(0, 3))}`);
  return answer.imported;
}

async function runOne(
  session: PlannedSession,
  token: IssueTokenAnswer,
  deps: ExerciseDeps,
  say: (who: TimelineEntry['who'], text: string) => void,
): Promise<SessionOutcome> {
  say('client', `logs in from ${session.ip} with ${session.tool}`);
  const outcome = await runLiveSession(
    deps.clock,
    deps.gateway,
    { user: token.userName, token: token.token },
    session,
    (statement) => say('client', describe(statement)),
  );
  if (outcome.refused !== null) say('client', `is refused: ${outcome.refused}`);
  if (outcome.endMessage !== null) say('client', `is cut off: ${outcome.endMessage}`);
  return outcome;
}

function describe({ sql, state, rows, message, startedAt, endedAt }: StatementOutcome): string {
  const text = sql.length > 90 ? `${sql.slice(0, 89)}…` : sql;
  if (state === 'ran') return `ran: ${text} (${rows} rows, ${endedAt - startedAt} ms)`;
  if (state === 'never_sent') return `never ran: ${text}`;
  return `${state === 'ended' ? 'never ran' : state}: ${text} (${message})`;
}

interface Observed {
  readonly ready: Promise<void>;
  readonly detections: Detection[];
  readonly incidents: Incident[];
  readonly responses: ResponseStep[];
  stop(): void;
}

/** Follows what detectors and responders say about the identity. */
function observe(
  identityId: string,
  deps: ExerciseDeps,
  say: (who: TimelineEntry['who'], text: string) => void,
): Observed {
  const abort = new AbortController();
  const detections: Detection[] = [];
  const incidents: Incident[] = [];
  const responses: ResponseStep[] = [];
  const follow = async <T>(topic: string, take: (record: T) => void): Promise<void> => {
    for await (const line of deps.api.lines('/v1/events/stream', { topic }, abort.signal)) {
      const record = JSON.parse(line) as T & { exerciseId: string | null };
      if (record.exerciseId === deps.exerciseId) take(record);
    }
  };
  const streams = [
    follow<Detection>('detections', (detection) => {
      if (detection.identityId !== identityId) return;
      detections.push(detection);
      say(
        'detector',
        `${detection.detector} (risk ${detection.risk}, identity ${detection.identityRisk}): ${detection.reason}`,
      );
    }),
    follow<Incident>('incidents', (incident) => void incidents.push(incident)),
    follow<ResponseStep>('responses', (step) => {
      responses.push(step);
      if (step.state !== 'intended')
        say(
          'responder',
          `${step.playbook}: ${step.action} ${step.subject} ${step.state}${step.detail === '' ? '' : ` (${step.detail})`}`,
        );
    }),
  ];
  const all = Promise.all(streams).catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return {
    // The streams are open once the server has answered one more call on the same API.
    ready: Promise.race([all.then(() => undefined), deps.api.get('/v1/whoami').then(() => undefined)]),
    detections,
    incidents,
    responses,
    stop: () => abort.abort(),
  };
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
