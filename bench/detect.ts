/**
 * `npm run bench -- detect [--seed N] [--identities N]`: 100 identities with 28 days of history, then 40 attacks of 8 kinds and 40 benign
 * changes on days that were not learned from, and a week of ordinary work of everybody. Detectors, policy and playbooks as shipped.
 */
import { createAnalyser } from '../gateway/protocols/postgres/analysis/create-analyser.ts';
import { createBuiltInPolicy } from '../gateway/policy/built-in-policy.ts';
import { readDefaultPolicy } from '../gateway/policy/default-policy.ts';
import { createBacktest, type Backtest } from '../detectors/backtest/backtest.ts';
import type { Directory } from '../detectors/detector.ts';
import { EMPTY_DIRECTORY } from '../detectors/directory/directory.ts';
import { createShippedDetectors } from '../detectors/shipped-detectors.ts';
import { ATTACKS } from '../main/exercise/attacks.ts';
import { BENIGN_CHANGES } from '../main/exercise/benign.ts';
import { createDraw } from '../main/exercise/draw.ts';
import { planDay, planHistory } from '../main/exercise/history.ts';
import { drawActor } from '../main/exercise/jobs.ts';
import { acts, runTrial, type TrialOutcome } from '../main/exercise/offline-trial.ts';
import type { Actor, Draw, PlannedSession } from '../main/exercise/plan.ts';
import { createPlanEvents, type AnalysedStatement } from '../main/exercise/plan-events.ts';
import { createSystemClock } from '../platform/clock/system-clock.ts';
import { createSeededRandom } from '../platform/clock/manual-clock.ts';
import { LIBRARY, readPlaybooks } from '../responders/playbooks/playbook-set.ts';
import { DetectorsConfig } from '../schemas/config/detectors.ts';
import type { Detection, SessionEvent } from '../schemas/types.ts';
import Value from 'typebox/value';
import { atLeast, atMost, option, percentile, round, type Bench } from './bench.ts';

const DAY_MS = 86_400_000;
/** A Monday. */
const TODAY = Date.UTC(2026, 5, 15);
const SETTINGS = { searchPath: null, role: null, standardConformingStrings: true, clientEncoding: 'UTF8' };
const TARGET = {
  connection: 'sample',
  protocol: 'postgres',
  host: '127.0.0.1',
  port: 5432,
  database: 'shop',
  role: 'app',
};
const CHANGES = 40;

interface Person {
  readonly actor: Actor;
  readonly draw: Draw;
  readonly events: (sessions: readonly PlannedSession[]) => SessionEvent[];
}

async function createAnalyse(): Promise<{
  analyse: (sql: string) => AnalysedStatement;
  close: () => Promise<void>;
}> {
  const analyser = await createAnalyser({ clock: createSystemClock(), hmac: () => Buffer.alloc(32) });
  const session = analyser.createSession();
  return {
    analyse(sql) {
      const found = analyser.analyse(sql, SETTINGS, session);
      if (found instanceof Promise) throw new Error(`not analysed at once: ${sql}`);
      return found;
    },
    close: () => analyser.close(),
  };
}

function describe(outcome: TrialOutcome): string {
  const said = [...new Set(outcome.detections.map(({ detector }) => detector))];
  return `highest risk ${Math.round(outcome.highestRisk)}; ${said.length === 0 ? 'no detector spoke' : said.join(', ')}`;
}

export const bench: Bench = async (args) => {
  const seed = Number(option(args, 'seed', '1'));
  const people = Number(option(args, 'identities', '100'));
  const { analyse, close } = await createAnalyse();
  const policy = createBuiltInPolicy(readDefaultPolicy());
  const playbooks = readPlaybooks([LIBRARY]);
  if (!playbooks.ok) throw new Error('the shipped playbooks do not load');
  const zones = new Map<string, string>();
  const directory: Directory = {
    ...EMPTY_DIRECTORY,
    timeZoneOf: (identity) => zones.get(identity ?? '') ?? 'UTC',
  };
  const config = Value.Default(DetectorsConfig, {}) as DetectorsConfig;
  const run: Backtest = createBacktest(createShippedDetectors(), directory, {
    ...config,
    closesAfterMs: DAY_MS,
  });

  const begun = performance.now();
  let eventCount = 0;
  const take = (event: SessionEvent): Detection[] => {
    eventCount += 1;
    return run.take(event);
  };
  const everybody: Person[] = Array.from({ length: people }, (_, index) => {
    const random = createSeededRandom(seed * 1_000_003 + index);
    const draw = createDraw(random);
    const actor = drawActor(draw, index);
    zones.set(`countersign/${actor.subject}`, actor.timeZone);
    const eventsOf = createPlanEvents({
      random,
      analyse,
      target: TARGET,
      origin: 'import',
      exerciseId: null,
    });
    return {
      actor,
      draw,
      events: (sessions) => sessions.flatMap((session) => [...eventsOf(actor, session)]),
    };
  });

  // All histories together in the order of time, as a log would have them: groups learn from each other.
  const histories = everybody.flatMap(({ actor, draw, events }) =>
    events(planHistory(actor, draw, TODAY, 28)),
  );
  histories.sort((a, b) => a.time - b.time);
  let historyAlarms = 0;
  for (const event of histories)
    historyAlarms += take(event).filter((detection) => acts(detection, playbooks.value)).length;

  // Who suffers what: 40 attacks, 40 benign changes, the others just work. Each on Tuesday to Thursday of the week after.
  const missed: string[] = [];
  const found: TrialOutcome[] = [];
  const timesToDetect: number[] = [];
  const falseLockouts: string[] = [];
  const perKind = new Map<string, { found: number; of: number }>();
  let attackRows = 0;
  for (let index = 0; index < CHANGES && index < people; index += 1) {
    const { actor, draw, events } = everybody[index]!;
    const attack = ATTACKS[index % ATTACKS.length]!;
    const planned = events(attack.plan(actor, draw, TODAY + DAY_MS * (1 + (index % 3))));
    const outcome = runTrial(planned, { take, policy, playbooks: playbooks.value });
    const kind = perKind.get(attack.name) ?? { found: 0, of: 0 };
    perKind.set(attack.name, kind);
    kind.of += 1;
    attackRows += outcome.rowsPlanned;
    if (outcome.stoppedBy === null)
      missed.push(`MISSED ${attack.name} on ${actor.subject} (${actor.timeZone}): ${describe(outcome)}`);
    else {
      kind.found += 1;
      timesToDetect.push(outcome.stoppedAt! - planned[0]!.time);
    }
    found.push(outcome);
  }
  const perChange = new Map<string, { stopped: number; of: number }>();
  for (let index = CHANGES; index < 2 * CHANGES && index < people; index += 1) {
    const { actor, draw, events } = everybody[index]!;
    const change = BENIGN_CHANGES[index % BENIGN_CHANGES.length]!;
    const outcome = runTrial(events(change.plan(actor, draw, TODAY + DAY_MS * (1 + (index % 3)))), {
      take,
      policy,
      playbooks: playbooks.value,
    });
    const kind = perChange.get(change.name) ?? { stopped: 0, of: 0 };
    perChange.set(change.name, kind);
    kind.of += 1;
    if (outcome.stoppedBy !== null) {
      kind.stopped += 1;
      falseLockouts.push(`FALSE ${change.name} on ${actor.subject}: ${outcome.stoppedBy.reason}`);
    }
  }
  // A week of ordinary work of those who were not attacked.
  for (const { actor, draw, events } of everybody.slice(CHANGES)) {
    const week = Array.from({ length: 7 }, (_, day) =>
      planDay(actor, draw, TODAY + DAY_MS * (7 + day)),
    ).flat();
    const outcome = runTrial(events(week), { take, policy, playbooks: playbooks.value });
    if (outcome.stoppedBy !== null)
      falseLockouts.push(`FALSE ordinary week on ${actor.subject}: ${outcome.stoppedBy.reason}`);
  }
  const seconds = (performance.now() - begun) / 1000;
  await close();

  for (const [name, { found: hits, of }] of perKind)
    console.log(`attack ${name.padEnd(22)} ${hits} of ${of} stopped`);
  for (const [name, { stopped, of }] of perChange)
    console.log(`benign ${name.padEnd(22)} ${stopped} of ${of} stopped`);
  for (const line of [...missed, ...falseLockouts]) console.log(line);

  const attacks = found.length;
  const stopped = attacks - missed.length;
  const leaked = found.reduce((sum, { rowsLeaked }) => sum + rowsLeaked, 0);
  const judgedWeeks = (Math.max(1, people - CHANGES) / 100) * 2;
  const figures = {
    seed,
    events: eventCount,
    eventsPerSecond: Math.round(eventCount / seconds),
    attacks,
    stopped,
    stoppedPercent: round((100 * stopped) / attacks, 1),
    timeToDetectP50Ms: percentile(timesToDetect, 0.5),
    timeToDetectP95Ms: percentile(timesToDetect, 0.95),
    requestsUntilStoppedP50: percentile(
      found.filter(({ stoppedBy }) => stoppedBy !== null).map(({ requests }) => requests),
      0.5,
    ),
    rowsLeaked: leaked,
    rowsPlanned: attackRows,
    rowsLeakedPercent: round((100 * leaked) / Math.max(1, attackRows), 1),
    statementsThatNeverRan: found.reduce((sum, { neverRan }) => sum + neverRan, 0),
    falseLockouts: falseLockouts.length,
    falseLockoutsPer100IdentitiesWeek: round(falseLockouts.length / judgedWeeks, 3),
    alarmsInLearnedHistory: historyAlarms,
  };
  console.log(figures);
  return {
    figures,
    goals: [
      atLeast('attacks stopped, percent', 95, figures.stoppedPercent),
      atMost('false lockouts per 100 identities a week', 0.1, figures.falseLockoutsPer100IdentitiesWeek),
    ],
  };
};
