/** The thread's side: makes the role with the main thread's event log or one of its own, and does what the main thread says. */
import { parentPort, workerData } from 'node:worker_threads';
import { createSystemClock, createSystemRandom } from '../../platform/clock/system-clock.ts';
import { isCountersignError } from '../../platform/errors/errors.ts';
import { createRemoteEventLog } from '../../platform/event-log/remote/remote-event-log.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import type { Role } from '../../platform/lifecycle/role.ts';
import { createPinoLogger } from '../../platform/log/pino-logger.ts';
import { createPromMetrics } from '../../platform/metrics/prom-metrics.ts';
import { createOwnSecretReader, type AdapterDeps } from '../adapters/adapter-deps.ts';
import { openEventLog } from '../adapters/event-log.ts';
import type { FromThread, RoleThreadData, ToThread } from './messages.ts';

export interface ThreadSurroundings<C> extends AdapterDeps {
  readonly config: C;
  readonly eventLog: EventLog;
  /** Unique among all processes. */
  readonly processName: string;
}

export interface HostedRole {
  readonly role: Role;
  /** Closes what the role stood on, after it has stopped. */
  close(): Promise<void>;
  /** Further questions by name. */
  readonly answers?: Readonly<Record<string, (argument: unknown) => Promise<unknown>>>;
}

const HEALTH_PERIOD_MS = 250;

/** Call once from the thread's module. */
export function hostRole<C>(make: (around: ThreadSurroundings<C>) => Promise<HostedRole>): void {
  const data = workerData as RoleThreadData<C>;
  const port = parentPort!;
  const say = (message: FromThread): void => port.postMessage(message);
  const clock = createSystemClock();
  const metrics = createPromMetrics();
  const log = createPinoLogger({
    level: data.logLevel,
    ...(data.logFile === null ? {} : { destination: data.logFile }),
  });
  const deps: AdapterDeps = {
    clock,
    random: createSystemRandom(),
    log,
    metrics,
    readSecret: createOwnSecretReader(data.environment, data.vaultSecrets),
  };
  let eventLog: EventLog | undefined;
  let hosted: HostedRole | undefined;
  let last = '';
  const tellHealth = (): void => {
    const health = hosted?.role.health() ?? { ready: false, reason: 'not started' };
    const text = JSON.stringify(health);
    if (text !== last) say({ health });
    last = text;
  };
  const watch = clock.every(HEALTH_PERIOD_MS, tellHealth);

  const act = async (message: ToThread): Promise<unknown> => {
    switch (message.do) {
      case 'start':
        // A log of the main thread is reached through its port; any other is opened here, so that its records cross no thread.
        eventLog =
          data.eventLog === null
            ? await openEventLog(deps, data.settings)
            : createRemoteEventLog(data.eventLog);
        hosted = await make({
          ...deps,
          config: data.config,
          eventLog,
          processName: data.processName,
        });
        await hosted.role.start();
        tellHealth();
        return null;
      case 'stop':
        watch.cancel();
        await hosted?.role.stop(message.graceMs);
        await hosted?.close();
        await eventLog?.close();
        return null;
      case 'metrics':
        return metrics.expose();
      case 'ping':
        return null;
      case 'ask': {
        const answer = hosted?.answers?.[message.question];
        if (answer === undefined) throw new Error(`no answer to ${message.question}`);
        return answer(message.argument);
      }
    }
  };
  port.on('message', (message: ToThread) => {
    act(message).then(
      (value) => say({ id: message.id, value }),
      (error: unknown) =>
        say({
          id: message.id,
          failure: {
            code: isCountersignError(error) ? error.code : null,
            message: error instanceof Error ? error.message : String(error),
            hint: isCountersignError(error) ? error.hint : '',
          },
        }),
    );
  });
}
