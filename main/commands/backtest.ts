import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import Value from 'typebox/value';
import { createBacktest } from '../../detectors/backtest/backtest.ts';
import { EMPTY_DIRECTORY } from '../../detectors/directory/directory.ts';
import { createShippedDetectors } from '../../detectors/shipped-detectors.ts';
import { createCodec } from '../../schemas/codec.ts';
import { DetectorsConfig } from '../../schemas/config/detectors.ts';
import type { RegisterCommands } from '../../cli/context.ts';
import { cliError } from '../../cli/errors.ts';
import { EXIT } from '../../cli/exit-codes.ts';

/** A person is taken to close an incident as benign after so long, event time. */
const CLOSES_AFTER_MS = 24 * 3_600_000;

export const registerBacktest: RegisterCommands = (program, context) => {
  program
    .command('backtest')
    .description(
      'run rules and baselines over history in event time; changes nothing, prints each detection as NDJSON and the rates per detector',
    )
    .argument('[file]', 'session events as NDJSON; `-` for standard input')
    .option('--rules <folder...>', 'further folders of rules')
    .action(async (file: string | undefined, options: { rules?: string[] }) => {
      if (file === undefined)
        throw cliError('CLI_USAGE', { reason: 'name a file of session events, or - for standard input.' });
      const config = Value.Default(DetectorsConfig, {}) as DetectorsConfig;
      const run = createBacktest(createShippedDetectors(options.rules ?? []), EMPTY_DIRECTORY, {
        ...config,
        closesAfterMs: CLOSES_AFTER_MS,
      });
      const events = createCodec('session-event');
      const detections = createCodec('detection');
      const output = context.output();
      const lines = createInterface({ input: file === '-' ? context.stdin : createReadStream(file) });
      let number = 0;
      for await (const line of lines) {
        number += 1;
        if (line.trim() === '') continue;
        const read = readEvent(events, line);
        if (!read.ok) {
          context.stderr.write(`${file}:${number}: ${read.reason}\n`);
          process.exitCode = EXIT.failed;
          continue;
        }
        for (const detection of run.take(read.value))
          output.line(JSON.stringify(detections.toJson(detection)));
      }
      const rates = run.rates();
      if (output.json) output.line(JSON.stringify({ rates }));
      else {
        context.stderr.write(
          `${rates.events} events of ${rates.identities} identities over ${rates.days.toFixed(1)} days\n`,
        );
        for (const { detector, detections: count, identities, per100IdentitiesWeek } of rates.detectors) {
          context.stderr.write(
            `${detector.padEnd(32)} ${count} detections, ${identities} identities, ${per100IdentitiesWeek.toFixed(2)} per 100 identities a week\n`,
          );
        }
      }
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
