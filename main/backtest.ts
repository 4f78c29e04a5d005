/** `countersign backtest`: rules and baselines over history, in event time. */
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import Value from 'typebox/value';
import { createBacktest, type Backtest, type BacktestRates } from '../detectors/backtest/backtest.ts';
import { BASELINES } from '../detectors/baselines/registry.ts';
import { EMPTY_DIRECTORY, readDirectory } from '../detectors/directory/directory.ts';
import type { Directory } from '../detectors/detector.ts';
import { libraryFolder, loadRules } from '../detectors/rules/index.ts';
import { createRuleSet, type RuleSet } from '../detectors/rules/sigma/rule-set.ts';
import { formatProblem } from '../platform/config/checked-yaml.ts';
import { createCodec } from '../schemas/codec.ts';
import { DetectorsConfig } from '../schemas/config/detectors.ts';
import type { CliContext } from '../cli/context.ts';
import { exportedEvents } from '../cli/commands/events.ts';
import { cliError } from '../cli/errors.ts';
import type { CliError } from '../cli/exit-codes.ts';

/** A person is taken to close an incident as benign after so long, event time. */
const CLOSES_AFTER_MS = 24 * 3_600_000;

export interface BacktestOptions {
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
    throw cliError('CLI_RULES_INVALID', {
      problems: errors.map(({ file, line, reason }) => `\n  ${file}:${line}: ${reason}`).join(''),
    });
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
  throw cliError('CLI_DIRECTORY_INVALID', {
    problems: read.problems.map((problem) => `\n  ${formatProblem(problem)}`).join(''),
  });
}

const unreadable = (file: string, error: unknown): CliError =>
  cliError('CLI_FILE_UNREADABLE', { file, reason: (error as Error).message });

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

/** Judges the history and prints detections and rates; false where a line was not an event. */
export async function runBacktest(
  context: CliContext,
  file: string | undefined,
  options: BacktestOptions,
): Promise<boolean> {
  const config = Value.Default(DetectorsConfig, {}) as DetectorsConfig;
  const run = createBacktest(
    BASELINES,
    loadDirectory(options.directory),
    { ...config, closesAfterMs: CLOSES_AFTER_MS },
    readRules(options.rules ?? []),
  );
  const lines = file === undefined ? exportedEvents(context, options) : fileLines(file, context);
  const fine = await judge(lines, file ?? 'export', run, context);
  const rates = run.rates();
  const output = context.output();
  if (output.json) output.line(JSON.stringify({ rates }));
  else context.stderr.write(formatRates(rates));
  return fine;
}

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
