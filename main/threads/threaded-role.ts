/**
 * A role that lives on a thread of its own, so that its long work never delays the data path. When that thread dies, gives up or falls
 * silent, the role is started again on a new one: at once at first, ever later while that does not help.
 */
import type { Clock, Timer } from '../../platform/clock/clock.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import type { Role } from '../../platform/lifecycle/role.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { LogLevel } from '../../platform/log/pino-logger.ts';
import type { Metrics } from '../../platform/metrics/metrics.ts';
import type { EventLogSettings } from '../adapters/event-log.ts';
import type { Environment } from '../config.ts';
import type { VaultSecrets } from '../vault-secrets.ts';
import { mainError } from '../errors.ts';
import type { ThreadHealth } from './messages.ts';
import { createRestarts, RESTARTS, type RestartLimits } from './restarts.ts';
import { startRoleThread, type Call, type RoleThread } from './role-thread.ts';

export interface ThreadedRole extends Role {
  /** The thread's own metrics in Prometheus text. */
  metrics(): Promise<string>;
  /** Asks the role something by name. */
  ask<R>(question: string, argument: unknown): Promise<R>;
}

export interface ThreadedRoleDeps {
  /** Shared with the thread; null: it opens one of its own with `settings`. */
  readonly eventLog: EventLog | null;
  readonly settings: EventLogSettings;
  readonly environment: Environment;
  readonly vaultSecrets?: VaultSecrets | undefined;
  readonly processName: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly logLevel: LogLevel;
  readonly logFile: string | null;
}

export function createThreadedRole<C>(
  name: string,
  module: URL,
  deps: ThreadedRoleDeps,
  config: C,
  limits: RestartLimits = RESTARTS,
): ThreadedRole {
  const { clock, log } = deps;
  const restarts = createRestarts(name, deps, limits);
  let thread: RoleThread | undefined;
  let watch: Timer | undefined;
  let started = false;
  let health: ThreadHealth = { ready: false, reason: 'not started' };

  const begin = async (): Promise<void> => {
    let silent = 0;
    const own: RoleThread = startRoleThread(
      {
        name,
        module,
        eventLog: deps.eventLog,
        data: {
          config,
          logLevel: deps.logLevel,
          logFile: deps.logFile,
          settings: deps.settings,
          environment: deps.environment,
          vaultSecrets: deps.vaultSecrets,
          processName: deps.processName,
        },
      },
      {
        onHealth(now) {
          if (own !== thread) return;
          health = now;
          if (now.failed === true) lose(own, now.reason ?? 'it gave up');
        },
        onEnd: (reason) => lose(own, reason),
      },
    );
    thread = own;
    watch?.cancel();
    watch = clock.every(limits.pingMs, () => {
      silent += 1;
      if (silent > limits.pingsSilentMax) lose(own, `it has not answered for ${silent} pings`);
      own.call({ do: 'ping' }).then(
        () => (silent = 0),
        () => undefined,
      );
    });
    await own.call({ do: 'start' });
  };
  const lose = (own: RoleThread, reason: string): void => {
    if (own !== thread || restarts.stopped()) return;
    health = { ready: false, reason: `${reason}; it is being started again` };
    // The first start says itself what went wrong.
    if (!started) return;
    log.error({ role: name, reason }, 'the thread of a role was lost; starting it again');
    restarts.run(async () => {
      await thread?.end();
      await begin();
    });
  };
  const call = (message: Call): Promise<unknown> =>
    thread === undefined
      ? Promise.reject(mainError('ROLE_THREAD_ENDED', { role: name, reason: 'it has not been started' }))
      : thread.call(message);

  return {
    name,
    async start() {
      await begin();
      started = true;
    },
    async stop(graceMs) {
      await restarts.stop();
      watch?.cancel();
      try {
        await thread?.call({ do: 'stop', graceMs });
      } catch (error) {
        log.error({ error, role: name }, 'a role did not stop in order');
      }
      await thread?.end();
    },
    health: () => health,
    metrics: async () => (await call({ do: 'metrics' })) as string,
    ask: async <R>(question: string, argument: unknown) =>
      (await call({ do: 'ask', question, argument })) as R,
  };
}
