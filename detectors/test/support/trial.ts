/** 28 days of an actor's history, then one change; what the baselines say about the change. */
import { ATTACKS } from '../../../main/exercise/attacks.ts';
import { BENIGN_CHANGES } from '../../../main/exercise/benign.ts';
import { createDraw } from '../../../main/exercise/draw.ts';
import { planHistory } from '../../../main/exercise/history.ts';
import { drawActor } from '../../../main/exercise/jobs.ts';
import { createSeededRandom } from '../../../platform/clock/manual-clock.ts';
import type { Detection, SessionEvent } from '../../../schemas/types.ts';
import type { Actor } from '../../../main/exercise/plan.ts';
import { createBacktest, type Backtest } from '../../backtest/backtest.ts';
import { BASELINES } from '../../baselines/registry.ts';
import { NO_RULES, type RuleSource } from '../../engine/processor.ts';
import { EMPTY_DIRECTORY } from '../../directory/directory.ts';
import { DETECTOR_DEFAULTS } from './defaults.ts';
import { planEvents } from './events.ts';

export const DAY_MS = 86_400_000;
/** A Tuesday. */
export const TODAY = Date.UTC(2026, 5, 16);

export interface Trial {
  readonly historyDetections: readonly Detection[];
  readonly events: readonly SessionEvent[];
  readonly detections: readonly Detection[];
  readonly peak: number;
  /** Statements of the change until the risk crossed the level; undefined where it did not. */
  readonly statementsUntilCrossed: number | undefined;
}

interface Weeks {
  readonly actor: Actor;
  readonly run: Backtest;
  readonly historyDetections: readonly Detection[];
}

const weeks = new Map<string, Weeks>();

/** 28 days of an actor, learned once for all changes. */
function learnWeeks(seed: number, jobName: string, rules: RuleSource): Weeks {
  const key = `${seed} ${jobName} ${rules === NO_RULES}`;
  const known = weeks.get(key);
  if (known !== undefined) return known;
  const random = createSeededRandom(seed);
  const draw = createDraw(random);
  const actor = drawActor(draw, seed, jobName);
  const directory = { ...EMPTY_DIRECTORY, timeZoneOf: () => actor.timeZone };
  const run = createBacktest(BASELINES, directory, DETECTOR_DEFAULTS, rules);
  const events = planEvents(actor, planHistory(actor, draw, TODAY, 28), random);
  const made = { actor, run, historyDetections: events.flatMap(run.take) };
  weeks.set(key, made);
  return made;
}

export function runTrial(change: string, seed: number, jobName: string, rules: RuleSource = NO_RULES): Trial {
  const { actor, run: learned, historyDetections } = learnWeeks(seed, jobName, rules);
  const run = learned.fork();
  const random = createSeededRandom(seed + change.length * 1000);
  const plan = [...ATTACKS, ...BENIGN_CHANGES].find(({ name }) => name === change)!;
  const events = planEvents(actor, plan.plan(actor, createDraw(random), TODAY + DAY_MS), random);
  const detections: Detection[] = [];
  let statements = 0;
  let statementsUntilCrossed: number | undefined;
  for (const event of events) {
    if (event.body.kind === 'request') statements += 1;
    const found = run.take(event);
    detections.push(...found);
    if (found.some(({ detectorKind }) => detectorKind === 'risk')) statementsUntilCrossed ??= statements;
  }
  const peak = Math.max(0, ...detections.map(({ identityRisk }) => identityRisk));
  return { historyDetections, events, detections, peak, statementsUntilCrossed };
}
