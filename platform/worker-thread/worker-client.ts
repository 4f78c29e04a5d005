/**
 * The caller's side of a worker thread: each call is a promise; when the worker dies, all that wait are rejected, and the next call
 * starts it anew.
 */
import { basename, extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { WorkerAnswer, WorkerFailure } from './worker-messages.ts';

export interface WorkerClient {
  /** Resolves with the method's result; rejects with what `revive` makes of its failure. */
  call(method: string, ...args: readonly unknown[]): Promise<unknown>;
  /** Calls `close` in the worker and waits for its end; harmless when called again. */
  close(): Promise<void>;
}

export interface WorkerClientOptions {
  /** The worker's module; beside the caller as NAME.ts in development and NAME.js in the package. */
  readonly module: URL;
  readonly data: unknown;
  /** Calls under way beyond this are rejected. */
  readonly callsMax: number;
  /** Makes the error that a failure stands for. */
  revive(failure: WorkerFailure): Error;
  /** Makes the error of a worker that has ended, or has too many calls under way. */
  unavailable(reason: string): Error;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Address of the worker module beside `importMetaUrl`, in its source or compiled form. */
export function workerModule(name: string, importMetaUrl: string): URL {
  return new URL(`./${name}.${importMetaUrl.endsWith('.ts') ? 'ts' : 'js'}`, importMetaUrl);
}

export function createWorkerClient(options: WorkerClientOptions): WorkerClient {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let closing: Promise<void> | undefined;
  let exited: Promise<void> = Promise.resolve();
  let current: Worker | undefined;

  const start = (): Worker => {
    // No flags of the process: some of them (--input-type, --test) make no sense in a worker and would end it.
    const name = `countersign-${basename(options.module.pathname, extname(options.module.pathname))}`;
    const worker = new Worker(options.module, { name, workerData: options.data, execArgv: [] });
    const end = (error: Error): void => {
      if (current !== worker) return;
      current = undefined;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
      worker.unref();
    };
    exited = new Promise<void>((resolve) => {
      worker.on('exit', () => {
        end(options.unavailable('its worker thread has ended'));
        resolve();
      });
    });
    worker.on('error', (error: Error) => end(options.unavailable(error.message)));
    worker.on('message', (answer: WorkerAnswer) => {
      const waiter = waiting.get(answer.id);
      waiting.delete(answer.id);
      // An idle worker must not keep the process alive; one that is closing must, until it has.
      if (waiting.size === 0 && closing === undefined) worker.unref();
      if ('failed' in answer) waiter?.reject(options.revive(answer.failed));
      else waiter?.resolve(answer.result);
    });
    worker.unref();
    return worker;
  };
  current = start();

  const call = (method: string, args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (waiting.size >= options.callsMax)
        return reject(options.unavailable('too many calls are under way'));
      current ??= start();
      lastId += 1;
      current.ref();
      waiting.set(lastId, { resolve, reject });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker is no window, it has no origin
      current.postMessage({ id: lastId, method, args });
    });
  /** A worker that died has nothing left to close. */
  const closeWorker = async (): Promise<void> => {
    const worker = current;
    if (worker === undefined) return;
    try {
      await call('close', []);
      await exited;
    } catch {
      await worker.terminate();
    }
  };

  return {
    call: (method, ...args) =>
      closing === undefined ? call(method, args) : Promise.reject(options.unavailable('it is closed')),
    close() {
      closing ??= closeWorker();
      return closing;
    },
  };
}
