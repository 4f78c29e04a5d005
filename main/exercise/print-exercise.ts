/** Exercises on the command line. */
import type { CliContext } from '../../cli/context.ts';
import { cliError } from '../../cli/errors.ts';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { EXERCISES, type Exercise } from './catalogue.ts';
import { createStatementAnalyser } from './statement-analyser.ts';
import { runSecondAct, type SecondActResult } from './host/run-second-act.ts';
import { createPostgresRunner } from './live-session.ts';
import { runExercise, type ExerciseResult, type TimelineEntry } from './run-exercise.ts';

const formatEntry = ({ atMs, who, text }: TimelineEntry): string =>
  `${atMs < 0 ? '        ' : `${(atMs / 1000).toFixed(3).padStart(7)}s`}  ${who.padEnd(9)}  ${text}`;

function summarise(result: ExerciseResult, unit: string): string {
  const ms = (value: number | null): string => (value === null ? 'never' : `after ${value} ms`);
  return [
    '',
    `First detection ${ms(result.detectedAfterMs)}; session ended ${ms(result.containedAfterMs)}; ${result.rowsLeaked} ${unit}.`,
    result.neverRan.length === 0
      ? 'Every statement ran.'
      : `Never ran: ${result.neverRan.map((sql) => (sql.length > 60 ? `${sql.slice(0, 59)}…` : sql)).join('; ')}`,
    result.asExpected ? 'As it should be.' : 'NOT as it should be.',
  ].join('\n');
}

export interface PrintOptions {
  readonly seed: number;
  /** PostgreSQL connection of the first act. */
  readonly connection: string;
  /** SSH connection of the second act, or why there is none. */
  readonly host: { readonly connection: string } | { readonly lacking: string };
}

/** Exercises whose attacker moves on to a host. */
const WITH_SECOND_ACT: ReadonlySet<string> = new Set(['impersonation']);

/** Runs an exercise and prints its timeline; false where it did not end as it should. */
export async function printExercise(
  context: CliContext,
  exercise: Exercise,
  options: PrintOptions,
): Promise<boolean> {
  const output = context.output();
  const clock = createSystemClock();
  const exerciseId = `${exercise.name}-${options.seed}-${clock.now().toString(36)}`;
  const say = (entry: TimelineEntry): void => {
    if (!output.json) output.line(formatEntry(entry));
  };
  const first = await runFirstAct(context, exercise, options, exerciseId, say);
  const unit = exercise.expect === 'contained' ? 'rows leaked' : 'rows answered';
  if (!WITH_SECOND_ACT.has(exercise.name)) {
    output.value(first, () => summarise(first, unit));
    return first.asExpected;
  }
  if (!output.json) output.line(summarise(first, unit));
  if ('lacking' in options.host) {
    const { lacking } = options.host;
    const left = { ...first, secondAct: null, secondActLacks: lacking };
    output.value(left, () => `\nThe second act (over SSH) is left out: ${lacking}.`);
    return first.asExpected;
  }
  if (!output.json)
    output.line(
      '\nSecond act: that token is worth nothing any more; the attacker moves on to a host, over SSH, with another one that it found.',
    );
  const second = await runSecondAct({
    api: context.api(),
    clock,
    random: createSeededRandom(options.seed + 1),
    connection: options.host.connection,
    exerciseId: `${exerciseId}-ssh`,
    say,
  });
  output.value({ ...first, secondAct: second }, () => summariseBoth(first, second));
  return first.asExpected && second.asExpected;
}

function summariseBoth(first: ExerciseResult, second: SecondActResult): string {
  const score = [first, second].filter(({ asExpected }) => asExpected).length;
  return [
    summarise(second, 'lines of output'),
    `The next login with the same key: ${second.nextLogin === null ? 'GOT IN' : `refused (${second.nextLogin})`}.`,
    '',
    `Score: ${score} of 2 acts contained (PostgreSQL ${first.asExpected ? 'yes' : 'NO'}, SSH ${second.asExpected ? 'yes' : 'NO'}).`,
  ].join('\n');
}

async function runFirstAct(
  context: CliContext,
  exercise: Exercise,
  options: PrintOptions,
  exerciseId: string,
  say: (entry: TimelineEntry) => void,
): Promise<ExerciseResult> {
  const api = context.api();
  const clock = createSystemClock();
  const listener = await api.get<{ host: string; port: number; tls: boolean; ca: string | null }>(
    '/v1/listeners/postgres',
  );
  const { host, port } = listener;
  const analyser = await createStatementAnalyser(clock);
  try {
    return await runExercise(exercise, {
      api,
      clock,
      random: createSeededRandom(options.seed),
      analyse: analyser.analyse,
      runSession: createPostgresRunner(clock, {
        host,
        port,
        ca: listener.tls ? listener.ca : null,
        connection: options.connection,
      }),
      target: {
        connection: options.connection,
        protocol: 'postgres',
        host,
        port,
        database: null,
        role: null,
      },
      exerciseId,
      say,
    });
  } finally {
    await analyser.close();
  }
}

export function findExercise(name: string): Exercise {
  const exercise = EXERCISES.find((candidate) => candidate.name === name);
  if (exercise !== undefined) return exercise;
  throw cliError('CLI_NO_EXERCISE', { name, known: EXERCISES.map((known) => known.name).join(', ') });
}
