/** One life of a role's thread, seen from the main thread: its event log, its calls, its end. */
import { MessageChannel, Worker } from 'node:worker_threads';
import { CountersignError } from '../../platform/errors/errors.ts';
import type { EventLog } from '../../platform/event-log/event-log.ts';
import { serveEventLog } from '../../platform/event-log/remote/serve-event-log.ts';
import { catalogue } from '../error-catalogue.ts';
import { mainError } from '../errors.ts';
import type { FromThread, RoleThreadData, ThreadHealth, ToThread } from './messages.ts';

export type Call = ToThread extends infer M ? (M extends { id: number } ? Omit<M, 'id'> : never) : never;

export interface RoleThread {
  /** Rejects with ROLE_THREAD_ENDED when the thread has ended or ends before it answers. */
  call(message: Call): Promise<unknown>;
  /** Ends the thread at once; resolves when it is gone and has left its groups of the event log. Harmless when called again. */
  end(): Promise<void>;
}

export interface RoleThreadOptions<C> {
  readonly name: string;
  readonly module: URL;
  /** Shared with the thread; null: it opens one of its own. */
  readonly eventLog: EventLog | null;
  readonly data: Omit<RoleThreadData<C>, 'eventLog'>;
}

export interface RoleThreadHooks {
  onHealth(health: ThreadHealth): void;
  /** Called once, whatever ended it. */
  onEnd(reason: string): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Calls under way at a time; more means that the thread is stuck. */
const CALLS_MAX = 1000;

function revive(role: string, failure: { code: string | null; message: string }): Error {
  const definition = failure.code === null ? undefined : catalogue[failure.code];
  if (definition === undefined) return new Error(`${role}: ${failure.message}`);
  return new CountersignError(failure.code!, { ...definition, message: failure.message }, {});
}

export function startRoleThread<C>(options: RoleThreadOptions<C>, hooks: RoleThreadHooks): RoleThread {
  const { name, module, eventLog } = options;
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let ended: string | undefined;
  const channel = eventLog === null ? undefined : new MessageChannel();
  const served = channel && serveEventLog(eventLog!, channel.port1);
  const data: RoleThreadData<C> = { ...options.data, eventLog: channel?.port2 ?? null };
  const worker = new Worker(module, {
    name: `countersign-${name}`,
    workerData: data,
    transferList: channel === undefined ? [] : [channel.port2],
    // No flags of the process: some of them (--test, --input-type) are none for a thread and would end it.
    execArgv: [],
  });

  const onGone = (reason: string): void => {
    if (ended !== undefined) return;
    ended = reason;
    for (const { reject } of waiting.values()) reject(mainError('ROLE_THREAD_ENDED', { role: name, reason }));
    waiting.clear();
    hooks.onEnd(reason);
  };
  worker.on('message', (message: FromThread) => {
    if ('health' in message) {
      if (ended === undefined) hooks.onHealth(message.health);
      return;
    }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if ('failure' in message) call?.reject(revive(name, message.failure));
    else call?.resolve(message.value);
  });
  worker.on('error', (error: Error) => onGone(error.message));
  worker.on('exit', (code) => onGone(`its thread has ended with code ${code}`));

  return {
    call: (message) =>
      new Promise((resolve, reject) => {
        const reason = ended ?? (waiting.size >= CALLS_MAX ? 'it does not answer' : undefined);
        if (reason !== undefined) {
          reject(mainError('ROLE_THREAD_ENDED', { role: name, reason }));
          return;
        }
        lastId += 1;
        waiting.set(lastId, { resolve, reject });
        worker.postMessage({ ...message, id: lastId });
      }),
    async end() {
      await worker.terminate();
      await served?.close();
    },
  };
}
