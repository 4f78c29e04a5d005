/** Starts the installation for a command and keeps it until a signal ends it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createSystemClock, createSystemRandom } from '../platform/clock/system-clock.ts';
import { createPinoLogger } from '../platform/log/pino-logger.ts';
import { createPromMetrics } from '../platform/metrics/prom-metrics.ts';
import type { Config } from '../schemas/config/config.ts';
import type { ConnectionEntry } from '../schemas/config/connection.ts';
import type { Environment } from './config.ts';
import {
  startInstallation,
  startProcess,
  type Installation,
  type InstallationDeps,
  type WholeInstallation,
} from './installation.ts';
import type { RoleName } from './roles.ts';
import { reloadOnHangup } from './signals.ts';
import type { Surroundings } from './storage.ts';

export interface Running<I extends Installation = WholeInstallation> extends Surroundings {
  readonly installation: I;
  readonly logFile: string | null;
}

export interface RunOptions {
  /** File that the configuration came from; read again on a reload. */
  readonly configFile?: string | undefined;
  /** Roles that run here; all where absent. */
  readonly roles?: readonly RoleName[];
  /** Connections besides those of the configuration. */
  readonly connections?: readonly ConnectionEntry[];
}

async function run<I extends Installation>(
  start: (deps: InstallationDeps, config: Config) => Promise<I>,
  config: Config,
  environment: Environment,
  logToFile: boolean,
  options: RunOptions,
): Promise<Running<I>> {
  mkdirSync(config.dataFolder, { recursive: true, mode: 0o700 });
  const logFile = logToFile ? join(config.dataFolder, 'countersign.log') : null;
  const around: Surroundings = {
    clock: createSystemClock(),
    random: createSystemRandom(),
    log: createPinoLogger({ level: config.logLevel, ...(logFile === null ? {} : { destination: logFile }) }),
    metrics: createPromMetrics(),
  };
  const installation = await start({ ...around, environment, logFile, ...options }, config);
  return { ...around, installation, logFile };
}

/**
 * An installation whose gateway is in this process. `logToFile`: people watch the terminal, so the log goes to
 * DATA_FOLDER/countersign.log.
 */
export const runInstallation = (
  config: Config,
  environment: Environment,
  logToFile: boolean,
  options: RunOptions = {},
): Promise<Running> => run(startInstallation, config, environment, logToFile, options);

/** Whatever roles are named. */
export const runProcess = (
  config: Config,
  environment: Environment,
  options: RunOptions = {},
): Promise<Running<Installation>> => run(startProcess, config, environment, false, options);

/** What is under way has this long to finish once sessions are over; a second signal ends at once. */
const GRACE_MS = 2000;

/** Resolves when a signal has ended it. Until then SIGHUP reads policy, playbooks, rules and directory again. */
export async function untilStopped(
  { installation, log }: Pick<Running<Installation>, 'installation' | 'log'>,
  drainMs: number,
  interrupted: AbortSignal,
): Promise<void> {
  reloadOnHangup(() => {
    installation.reload().catch((error: unknown) => log.error({ error }, 'a reload failed'));
  });
  await new Promise<void>((resolve) => {
    if (interrupted.aborted) resolve();
    else interrupted.addEventListener('abort', () => resolve(), { once: true });
  });
  log.info({ drainMs }, 'told to end: no new sessions; open ones may go on for a while');
  await installation.drain(drainMs);
  await installation.stop(GRACE_MS);
}
