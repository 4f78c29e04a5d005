/** Starts the installation for a command and keeps it until a signal ends it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createSystemClock, createSystemRandom } from '../platform/clock/system-clock.ts';
import { createPinoLogger } from '../platform/log/pino-logger.ts';
import { createPromMetrics } from '../platform/metrics/prom-metrics.ts';
import type { Config } from '../schemas/config/config.ts';
import type { Environment } from './config.ts';
import { startInstallation, type Installation } from './installation.ts';
import type { Surroundings } from './storage.ts';

export interface Running extends Surroundings {
  readonly installation: Installation;
  readonly logFile: string | null;
}

/** `logToFile`: people watch the terminal, so the log goes to DATA_FOLDER/countersign.log. */
export async function runInstallation(
  config: Config,
  environment: Environment,
  logToFile: boolean,
): Promise<Running> {
  mkdirSync(config.dataFolder, { recursive: true, mode: 0o700 });
  const logFile = logToFile ? join(config.dataFolder, 'countersign.log') : null;
  const around: Surroundings = {
    clock: createSystemClock(),
    random: createSystemRandom(),
    log: createPinoLogger({ level: config.logLevel, ...(logFile === null ? {} : { destination: logFile }) }),
    metrics: createPromMetrics(),
  };
  const installation = await startInstallation({ ...around, environment, logFile }, config);
  return { ...around, installation, logFile };
}

/** Open sessions have this long to finish once a signal has come; a second signal ends at once. */
const GRACE_MS = 2000;

/** Resolves when a signal has ended it. */
export async function untilStopped(
  stop: (graceMs: number) => Promise<void>,
  interrupted: AbortSignal,
): Promise<void> {
  await new Promise<void>((resolve) => {
    if (interrupted.aborted) resolve();
    else interrupted.addEventListener('abort', () => resolve(), { once: true });
  });
  await stop(GRACE_MS);
}
