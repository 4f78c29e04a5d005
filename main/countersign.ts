/** The program `countersign`: the command line with everything that main can add to it. */
import { resolve } from 'node:path';
import { runCli } from '../cli/program.ts';
import { createSystemClock } from '../platform/clock/system-clock.ts';
import { FURTHER_COMMANDS } from './commands/registry.ts';
import { endProcess } from './end-process.ts';
import { interruptedBySignals } from './signals.ts';
import { programVersion } from './version.ts';

// Who reads us has seen enough (`countersign event search | head`): no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const clock = createSystemClock();
const exitCode = await runCli(process.argv.slice(2), {
  version: programVersion,
  now: clock.now,
  sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
  program: [process.execPath, ...process.execArgv, process.argv[1]!],
  dataFolder: resolve(process.env['COUNTERSIGN_DATA_FOLDER'] ?? '.data'),
  interrupted: interruptedBySignals(),
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  further: FURTHER_COMMANDS,
});
// A stream that is followed keeps the process alive past its command.
await endProcess(clock, exitCode);
