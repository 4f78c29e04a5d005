/** Exercises on the command line. */
import type { CliContext } from '../../cli/context.ts';
import { cliError } from '../../cli/errors.ts';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { createSeededRandom } from '../../platform/clock/manual-clock.ts';
import { EXERCISES, type Exercise } from './catalogue.ts';
import { createStatementAnalyser } from './statement-analyser.ts';
import { runExercise, type ExerciseResult, type TimelineEntry } from './run-exercise.ts';

const formatEntry = ({ atMs, who, text }: TimelineEntry): string =>
  `${atMs < 0 ? '        ' : `${(atMs / 1000).toFixed(3).padStart(7)}s`}  ${who.padEnd(9)}  ${text}`;

function summarise(result: ExerciseResult, expect: Exercise['expect']): string {
  const rows = expect === 'contained' ? 'leaked' : 'answered';
  const ms = (value: number | null): string => (value === null ? 'never' : `after ${value} ms`);
  return [
    '',
    `First detection ${ms(result.detectedAfterMs)}; session ended ${ms(result.containedAfterMs)}; ${result.rowsLeaked} rows ${rows}.`,
    result.neverRan.length === 0
      ? 'Every statement ran.'
      : `Never ran: ${result.neverRan.map((sql) => (sql.length > 60 ? `${sql.slice(0, 59)}…` : sql)).join('; ')}`,
    result.asExpected ? 'As it should be.' : 'NOT as it should be.',
  ].join('\n');
}

/** Runs an exercise and prints its timeline; false where it did not end as it should. */
export async function printExercise(
  context: CliContext,
  exercise: Exercise,
  options: { seed: number; connection: string },
): Promise<boolean> {
  const api = context.api();
  const clock = createSystemClock();
  const output = context.output();
  const listener = await api.get<{ host: string; port: number; tls: boolean; ca: string | null }>(
    '/v1/listeners/postgres',
  );
  const analyser = await createStatementAnalyser(clock);
  try {
    const result = await runExercise(exercise, {
      api,
      clock,
      random: createSeededRandom(options.seed),
      analyse: analyser.analyse,
      gateway: {
        host: listener.host,
        port: listener.port,
        ca: listener.tls ? listener.ca : null,
        connection: options.connection,
      },
      target: {
        connection: options.connection,
        protocol: 'postgres',
        host: listener.host,
        port: listener.port,
        database: null,
        role: null,
      },
      exerciseId: `${exercise.name}-${options.seed}-${clock.now().toString(36)}`,
      say: (entry) => {
        if (!output.json) output.line(formatEntry(entry));
      },
    });
    output.value(result, () => summarise(result, exercise.expect));
    return result.asExpected;
  } finally {
    await analyser.close();
  }
}

export function findExercise(name: string): Exercise {
  const exercise = EXERCISES.find((candidate) => candidate.name === name);
  if (exercise !== undefined) return exercise;
  throw cliError('CLI_NO_EXERCISE', { name, known: EXERCISES.map((known) => known.name).join(', ') });
}
