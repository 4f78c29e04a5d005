import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import Value from 'typebox/value';
import { createBacktest, type Backtest, type BacktestRates } from '../../detectors/backtest/backtest.ts';
import { BASELINES } from '../../detectors/baselines/registry.ts';
import { EMPTY_DIRECTORY, readDirectory } from '../../detectors/directory/directory.ts';
import type { Directory } from '../../detectors/detector.ts';
import { libraryFolder, loadRules } from '../../detectors/rules/index.ts';
import { createRuleSet, type RuleSet } from '../../detectors/rules/sigma/rule-set.ts';
import { formatProblem } from '../../platform/config/checked-yaml.ts';
import { createCodec } from '../../schemas/codec.ts';
import { DetectorsConfig } from '../../schemas/config/detectors.ts';
import type { CliContext, RegisterCommands } from '../../cli/context.ts';
import { exportedEvents } from '../../cli/commands/events.ts';
import { CliError, EXIT } from '../../cli/exit-codes.ts';
import { collect } from '../../cli/options.ts';

/** A person is taken to close an incident as benign after so long, event time. */
const CLOSES_AFTER_MS = 24 * 3_600_000;

interface BacktestOptions {
  since?: string;
  until?: string;
  identity?: string;
  exercises?: boolean;
  rules?: string[];
  directory?: string;
}

function readRules(folders: readonly string[]): RuleSet {
  const rules = createRuleSet();
  const errors = rules.replace(loadRules([libraryFolder, ...folders]));
  if (errors.length > 0)
    throw new CliError(
      'CLI_RULES_INVALID',
      errors.map(({ file, line, reason }) => `${file}:${line}: ${reason}`).join('\n'),
      'Mend what is named; `countersign rule test FILE` says more.',
      EXIT.usage,
    );
  return rules;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

function loadDirectory(file: string | undefined): Directory {
  if (file === undefined) return EMPTY_DIRECTORY;
  const read = readDirectory(file, readText(file));
  if (read.ok) return read.value;
  throw new CliError(
    'CLI_DIRECTORY_INVALID',
    read.problems.map(formatProblem).join('\n'),
    'Mend what is named.',
    EXIT.usage,
  );
}

const unreadable = (file: string, error: unknown): CliError =>
  new CliError(
    'CLI_FILE_UNREADABLE',
    `${file} cannot be read: ${(error as Error).message}`,
    'Check the path.',
    EXIT.usage,
  );

async function* fileLines(file: string, context: CliContext): AsyncGenerator<string> {
  const input = file === '-' ? context.stdin : createReadStream(file);
  try {
    yield* createInterface({ input });
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Reads the history that was asked for; false where a line was not an event. */
async function judge(
  lines: AsyncIterable<string>,
  name: string,
  run: Backtest,
  context: CliContext,
): Promise<boolean> {
  const events = createCodec('session-event');
  const detections = createCodec('detection');
  const output = context.output();
  let number = 0;
  let fine = true;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const read = readEvent(events, line);
    if (!read.ok) {
      context.stderr.write(`${name}:${number}: ${read.reason}\n`);
      fine = false;
      continue;
    }
    for (const detection of run.take(read.value)) output.line(JSON.stringify(detections.toJson(detection)));
  }
  return fine;
}

function formatRates({ events, identities, days, detectors }: BacktestRates): string {
  return [
    `${events} events of ${identities} identities over ${days.toFixed(1)} days`,
    ...detectors.map(
      ({ detector, detections, identities: hit, per100IdentitiesWeek }) =>
        `${detector.padEnd(32)} ${String(detections).padStart(6)} detections on ${hit} identities, ${per100IdentitiesWeek.toFixed(2)} per 100 identities a week`,
    ),
    '',
  ].join('\n');
}

export const registerBacktest: RegisterCommands = (program, context) => {
  program
    .command('backtest')
    .description(
      'run rules and baselines over history in event time; changes nothing, prints each detection as NDJSON and the rates per detector (to standard error)',
    )
    .argument('[file]', 'session events as NDJSON; `-` for standard input')
    .option('--since <time>', 'history of the running installation instead of a file: 7d, or ISO 8601')
    .option('--until <time>', 'with --since: before')
    .option('--identity <id>', 'with --since: of one identity')
    .option('--exercises', 'with --since: also events of exercises')
    .option('--rules <folder>', 'folder of further rules; may be given several times', collect)
    .option('--directory <file>', 'directory file: leavers, owners, time zones')
    .action(async (file: string | undefined, options: BacktestOptions) => {
      if ((file === undefined) === (options.since === undefined))
        throw new CliError(
          'CLI_USAGE',
          file === undefined ? 'What history?' : 'Either a file or --since, not both.',
          'Name a file of session events, - for standard input, or --since 7d.',
          EXIT.usage,
        );
      const config = Value.Default(DetectorsConfig, {}) as DetectorsConfig;
      const run = createBacktest(
        BASELINES,
        loadDirectory(options.directory),
        { ...config, closesAfterMs: CLOSES_AFTER_MS },
        readRules(options.rules ?? []),
      );
      const lines = file === undefined ? exportedEvents(context, options) : fileLines(file, context);
      if (!(await judge(lines, file ?? 'export', run, context))) process.exitCode = EXIT.failed;
      const rates = run.rates();
      const output = context.output();
      if (output.json) output.line(JSON.stringify({ rates }));
      else context.stderr.write(formatRates(rates));
    });
};

function readEvent(
  codec: ReturnType<typeof createCodec<'session-event'>>,
  line: string,
): ReturnType<typeof codec.fromJson> {
  try {
    return codec.fromJson(JSON.parse(line));
  } catch (error) {
    return { ok: false, reason: (error as Error).message };
  }
}
