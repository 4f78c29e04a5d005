/** The main thread's side: a role that lives on a thread of its own, so that its long work never delays the data path. */
import { MessageChannel, Worker } from 'node:worker_threads';
import { CountersignError } from '../../platform/errors/errors.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import { serveEventLog } from '../../platform/event-log/remote/serve-event-log.ts';
import type { Role } from '../../platform/lifecycle/role.ts';
import type { Logger } from '../../platform/log/log.ts';
import type { LogLevel } from '../../platform/log/pino-logger.ts';
import { catalogue } from '../error-catalogue.ts';
import { mainError } from '../errors.ts';
import type { FromThread, RoleThreadData, ThreadHealth, ToThread } from './messages.ts';

export interface ThreadedRole extends Role {
  /** The thread's own metrics in Prometheus text. */
  metrics(): Promise<string>;
  /** Asks the role something by name. */
  ask<R>(question: string, argument: unknown): Promise<R>;
}

export interface ThreadedRoleDeps {
  readonly eventLog: EventLog;
  readonly log: Logger;
  readonly logLevel: LogLevel;
  readonly logFile: string | null;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Calls under way at a time; more means that the thread is stuck. */
const CALLS_MAX = 1000;

type Call = ToThread extends infer M ? (M extends { id: number } ? Omit<M, 'id'> : never) : never;

export function createThreadedRole<C>(
  name: string,
  module: URL,
  deps: ThreadedRoleDeps,
  config: C,
): ThreadedRole {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let served: { close(): Promise<void> } | undefined;
  let lastId = 0;
  let health: ThreadHealth = { ready: false, reason: 'not started' };

  const fail = (reason: string): void => {
    health = { ready: false, reason };
    for (const { reject } of waiting.values()) reject(mainError('ROLE_THREAD_ENDED', { role: name, reason }));
    waiting.clear();
  };
  const revive = (failure: { code: string | null; message: string; hint: string }): Error => {
    const definition = failure.code === null ? undefined : catalogue[failure.code];
    if (definition === undefined) return new Error(`${name}: ${failure.message}`);
    return new CountersignError(failure.code!, { ...definition, message: failure.message }, {});
  };
  const onMessage = (message: FromThread): void => {
    if ('health' in message) {
      health = message.health;
      return;
    }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if ('failure' in message) call?.reject(revive(message.failure));
    else call?.resolve(message.value);
  };
  const call = (message: Call): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (worker === undefined || waiting.size >= CALLS_MAX) {
        reject(
          mainError('ROLE_THREAD_ENDED', {
            role: name,
            reason: worker === undefined ? 'it has not been started' : 'it does not answer',
          }),
        );
        return;
      }
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      worker.postMessage({ ...message, id: lastId });
    });

  return {
    name,
    async start() {
      const { port1, port2 } = new MessageChannel();
      served = serveEventLog(deps.eventLog, port1);
      const data: RoleThreadData<C> = {
        config,
        logLevel: deps.logLevel,
        logFile: deps.logFile,
        eventLog: port2,
      };
      worker = new Worker(module, { workerData: data, transferList: [port2], execArgv: process.execArgv });
      worker.on('message', onMessage);
      worker.on('error', (error) => {
        deps.log.error({ error, role: name }, 'the thread of a role has failed');
        fail(error.message);
      });
      worker.on('exit', () => fail('its thread has ended'));
      await call({ do: 'start' });
    },
    async stop(graceMs) {
      try {
        await call({ do: 'stop', graceMs });
      } catch (error) {
        deps.log.error({ error, role: name }, 'a role did not stop in order');
      }
      await worker?.terminate();
      await served?.close();
    },
    health: () => health,
    metrics: async () => (await call({ do: 'metrics' })) as string,
    ask: async <R>(question: string, argument: unknown) =>
      (await call({ do: 'ask', question, argument })) as R,
  };
}
