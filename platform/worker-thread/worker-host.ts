/** The worker's side: answers calls by name, one after another, in the order they came. */
import { parentPort } from 'node:worker_threads';
import { isCountersignError } from '../errors/errors.ts';
import type { WorkerAnswer, WorkerCall } from './worker-messages.ts';

/** Methods that a worker offers; each is synchronous, so calls never interleave. */
export type WorkerMethods = Readonly<Record<string, (...args: never[]) => unknown>>;

function failure(id: number, error: unknown): WorkerAnswer {
  if (isCountersignError(error)) {
    return { id, failed: { code: error.code, details: error.details, message: error.message } };
  }
  return {
    id,
    failed: { code: null, details: {}, message: error instanceof Error ? error.message : String(error) },
  };
}

/** Opens with `open` and serves until `close` was called, which ends the thread. */
export function serveWorker(open: () => WorkerMethods): void {
  const port = parentPort;
  if (port === null) throw new Error('not in a worker thread');
  let methods: WorkerMethods | undefined;
  port.on('message', (call: WorkerCall) => {
    try {
      methods ??= open();
      const method = methods[call.method] as ((...args: unknown[]) => unknown) | undefined;
      if (method === undefined) throw new Error(`the worker has no method ${call.method}`);
      port.postMessage({ id: call.id, result: method(...call.args) } satisfies WorkerAnswer);
      if (call.method === 'close') port.close();
    } catch (error) {
      port.postMessage(failure(call.id, error));
    }
  });
}
