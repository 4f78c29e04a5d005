/** One trial set from empty state to figures: detectors, policy and playbooks as shipped, in event time. */
import Value from 'typebox/value';
import { createBacktest, type Backtest } from '../../detectors/backtest/backtest.ts';
import { EMPTY_DIRECTORY } from '../../detectors/directory/directory.ts';
import { createShippedDetectors } from '../../detectors/shipped-detectors.ts';
import { createBuiltInPolicy } from '../../gateway/policy/built-in-policy.ts';
import { readDefaultPolicy } from '../../gateway/policy/default-policy.ts';
import { createDraw } from '../../main/exercise/draw.ts';
import { runTrial, wouldLockOut, type TrialOutcome } from '../../main/exercise/offline-trial.ts';
import type { PlannedSession, Draw } from '../../main/exercise/plan.ts';
import { createPlanEvents, type AnalysedStatement } from '../../main/exercise/plan-events.ts';
import { createSeededRandom } from '../../platform/clock/manual-clock.ts';
import type { Playbook } from '../../responders/playbooks/playbook.ts';
import { LIBRARY, readPlaybooks } from '../../responders/playbooks/playbook-set.ts';
import { DetectorsConfig } from '../../schemas/config/detectors.ts';
import type { SessionEvent } from '../../schemas/types.ts';
import { DAY_MS, type Change, type Subject, type TrialSet } from './trial-set.ts';

const TARGET = {
  connection: 'sample',
  protocol: 'postgres',
  host: '127.0.0.1',
  port: 5432,
  database: 'shop',
  role: 'app',
};
/** At most so many attacks, and so many benign changes. */
const CHANGES_MAX = 40;

export interface SetOptions {
  readonly seed: number;
  readonly identities: number;
  readonly analyse: (sql: string) => AnalysedStatement;
}

export interface Ran {
  readonly kind: 'attack' | 'benign' | 'ordinary week';
  readonly change: string;
  readonly subject: Subject;
  readonly begunAt: number;
  readonly outcome: TrialOutcome;
}

export interface SetResult {
  readonly ran: readonly Ran[];
  readonly events: number;
  /** Detections in the histories that would have locked out. */
  readonly historyLockouts: readonly string[];
  readonly cpuSeconds: number;
}

interface Person {
  readonly subject: Subject;
  readonly draw: Draw;
  readonly change: Change | undefined;
  readonly kind: Ran['kind'];
  eventsOf(sessions: readonly PlannedSession[]): SessionEvent[];
}

export function runSet(set: TrialSet, { seed, identities, analyse }: SetOptions): SetResult {
  const policy = createBuiltInPolicy(readDefaultPolicy());
  const read = readPlaybooks([LIBRARY]);
  if (!read.ok) throw new Error('the shipped playbooks do not load');
  const playbooks: readonly Playbook[] = read.value;
  const config = Value.Default(DetectorsConfig, {}) as DetectorsConfig;
  const run: Backtest = createBacktest(createShippedDetectors(), EMPTY_DIRECTORY, {
    ...config,
    closesAfterMs: DAY_MS,
  });
  const cpuBefore = process.cpuUsage();
  let events = 0;
  const take: Backtest['take'] = (event) => {
    events += 1;
    return run.take(event);
  };
  const deps = { take, policy, playbooks };
  const people = drawPeople(set, seed, identities, analyse);

  const historyLockouts: string[] = [];
  for (const event of historyOf(set, people)) {
    const locked = take(event).find((detection) => wouldLockOut(detection, playbooks) === 'act');
    if (locked !== undefined) historyLockouts.push(`${locked.identityId}: ${locked.reason}`);
  }

  const ran: Ran[] = [];
  for (const [index, { subject, draw, change, kind, eventsOf }] of people.entries()) {
    if (change === undefined) continue;
    const dayStart = set.today + DAY_MS * (change.day ?? 1 + (index % 3));
    const planned = change.plan(subject, draw, dayStart);
    if (planned.length === 0) continue;
    const beside = change.besideWork ? workBeside(subject, draw, planned, dayStart) : [];
    const own = new Set(eventsOf(planned));
    const all = [...own, ...eventsOf(beside)].sort((a, b) => a.time - b.time);
    const outcome = runTrial(all, deps, (event) => own.has(event));
    ran.push({
      kind,
      change: change.name,
      subject,
      begunAt: Math.min(...planned.map(({ at }) => at)),
      outcome,
    });
  }
  // A week of ordinary work of those who were not attacked and are known by now.
  for (const { subject, draw, change, kind, eventsOf } of people) {
    if (kind === 'attack' || change?.silent === 'all') continue;
    const week = Array.from({ length: 7 }, (_, day) => subject.planDay(draw, set.today + DAY_MS * (9 + day)));
    const sorted = eventsOf(week.flat()).sort((a, b) => a.time - b.time);
    const outcome = runTrial(sorted, deps);
    ran.push({
      kind: 'ordinary week',
      change: 'ordinary week',
      subject,
      begunAt: set.today + DAY_MS * 9,
      outcome,
    });
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ran, events, historyLockouts, cpuSeconds: (user + system) / 1e6 };
}

function drawPeople(
  set: TrialSet,
  seed: number,
  identities: number,
  analyse: SetOptions['analyse'],
): Person[] {
  const changes = Math.min(CHANGES_MAX, Math.floor(identities * 0.4));
  return Array.from({ length: identities }, (_, index) => {
    const random = createSeededRandom(seed * 1_000_003 + index);
    const draw = createDraw(random);
    const kind = index < changes ? 'attack' : index < 2 * changes ? 'benign' : 'ordinary week';
    const library = kind === 'attack' ? set.attacks : kind === 'benign' ? set.benign : [];
    const change = library[index % Math.max(1, library.length)];
    const subject = set.drawSubject(draw, index, change?.kinds);
    const make = createPlanEvents({ random, analyse, target: TARGET, origin: 'import', exerciseId: null });
    return {
      subject,
      draw,
      change,
      kind,
      eventsOf: (sessions) => sessions.flatMap((session) => [...make(subject.actor, session)]),
    };
  });
}

/** All histories together in the order of time, as a log would have them (groups learn from each other), day by day. */
function* historyOf(set: TrialSet, people: readonly Person[]): Generator<SessionEvent> {
  const longest = Math.max(...people.map(({ subject }) => subject.historyDays ?? set.historyDays));
  let overlap: SessionEvent[] = [];
  for (let day = longest; day >= 1; day -= 1) {
    const dayStart = set.today - day * DAY_MS;
    const events = overlap;
    for (const { subject, draw, change, eventsOf } of people) {
      const silent = change?.silent ?? 0;
      if (silent === 'all' || day <= silent || day > (subject.historyDays ?? set.historyDays)) continue;
      events.push(...eventsOf(subject.planDay(draw, dayStart)));
    }
    events.sort((a, b) => a.time - b.time);
    // Zones reach half a day into the day after.
    const until = day === 1 ? Infinity : dayStart + DAY_MS / 2;
    const cut = events.findIndex(({ time }) => time >= until);
    overlap = cut < 0 ? [] : events.splice(cut);
    yield* events;
  }
}

/** The subject's ordinary work on the days that the planned sessions touch. */
function workBeside(
  subject: Subject,
  draw: Draw,
  planned: readonly PlannedSession[],
  dayStart: number,
): PlannedSession[] {
  const last = Math.max(...planned.map(({ at }) => at));
  const days = Math.max(1, Math.ceil((last - dayStart) / DAY_MS));
  return Array.from({ length: days }, (_, day) => subject.planDay(draw, dayStart + day * DAY_MS)).flat();
}
