/** One thread at a time, one evaluation at a time; what is past its deadline takes its thread with it. */
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../../platform/clock/clock.ts';
import type { CountersignError } from '../../../platform/errors/errors.ts';
import { policyError } from '../errors.ts';
import type { Bundle } from './read-bundle.ts';
import type { EvaluateAnswer, EvaluatorData } from './evaluate-worker.ts';

export type Evaluated =
  | { readonly ok: true; readonly result: unknown; readonly micros: number }
  | { readonly ok: false; readonly error: CountersignError };

export interface Evaluator {
  /** Never rejects; bounded by the deadline and those that wait before it. */
  evaluate(document: string): Promise<Evaluated>;
  /** Starts the thread, so that the first decision needs not wait for it. */
  warm(): void;
  close(): void;
}

export interface EvaluatorConfig {
  readonly entrypoint: string;
  readonly deadlineMs: number;
  readonly memoryBytesMax: number;
  readonly waitingMax: number;
}

interface Job {
  readonly id: number;
  readonly document: string;
  resolve(evaluated: Evaluated): void;
}

const WORKER_FILE = import.meta.url.endsWith('.ts') ? './evaluate-worker.ts' : './evaluate-worker.js';
/** A thread that is not loaded by then will not be. */
const LOAD_MS = 10_000;

export function createEvaluator(clock: Clock, bundle: Bundle, config: EvaluatorConfig): Evaluator {
  const waiting: Job[] = [];
  let worker: Worker | undefined;
  let online = false;
  let current: Job | undefined;
  let deadline: Timer | undefined;
  let lastId = 0;
  let sentUs = 0;
  let closed = false;
  const timedOut = (): Evaluated => ({
    ok: false,
    error: policyError('POLICY_TIMEOUT', { deadlineMs: config.deadlineMs }),
  });
  const failed = (reason: string): Evaluated => ({
    ok: false,
    error: policyError('POLICY_FAILED', { reason }),
  });

  const finish = (evaluated: Evaluated): void => {
    deadline?.cancel();
    deadline = undefined;
    const done = current;
    current = undefined;
    done?.resolve(evaluated);
    // An idle thread does not keep the process alive.
    if (waiting.length === 0) worker?.unref();
    else next();
  };
  const discard = (gone: Worker, evaluated: Evaluated): void => {
    if (gone !== worker) return;
    worker = undefined;
    online = false;
    gone.terminate().catch(() => undefined);
    if (current !== undefined) finish(evaluated);
    // Ready for whoever comes next: what follows a loop should not wait for a thread to start.
    if (!closed) worker ??= start();
  };
  const limit = (used: Worker): void => {
    deadline?.cancel();
    deadline = clock.after(online ? config.deadlineMs : LOAD_MS, () => discard(used, timedOut()));
  };
  function start(): Worker {
    online = false;
    const data: EvaluatorData = {
      wasm: bundle.wasm,
      data: bundle.data,
      entrypoint: config.entrypoint,
      memoryBytesMax: config.memoryBytesMax,
    };
    const made = new Worker(new URL(WORKER_FILE, import.meta.url), {
      workerData: data,
      // What a policy prints is nobody's.
      stdout: true,
      stderr: true,
    });
    made.stdout.resume();
    made.stderr.resume();
    made.unref();
    let failures = 0;
    made.on('message', (answer: EvaluateAnswer) => {
      if (made !== worker) return;
      if ('ready' in answer) {
        online = true;
        // What was asked before it was there has its time from now on.
        if (current !== undefined) limit(made);
        return;
      }
      if (answer.id !== current?.id) return;
      if ('failure' in answer) finish(failed(answer.failure));
      else finish(resultOf(answer));
    });
    const gone = (reason: string): void => {
      failures += 1;
      if (made !== worker) return;
      if (!online && failures === 1) {
        // It cannot be loaded at all: the next one starts when somebody asks.
        worker = undefined;
        finish(failed(reason));
      } else discard(made, failed(reason));
    };
    made.on('error', (error) => gone(error.message.slice(0, 300)));
    made.on('exit', () => gone('its thread ended'));
    return made;
  }
  const resultOf = ({ results }: Extract<EvaluateAnswer, { results: unknown }>): Evaluated => {
    if (!Array.isArray(results)) return failed('it gave no result set');
    const [first] = results as { readonly result?: unknown }[];
    return { ok: true, result: first?.result, micros: Math.round(clock.monotonicUs() - sentUs) };
  };
  function next(): void {
    current = waiting.shift();
    if (current === undefined) return;
    const used = (worker ??= start());
    used.ref();
    limit(used);
    sentUs = clock.monotonicUs();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker is no window, it has no origin
    used.postMessage({ id: current.id, document: current.document });
  }
  return {
    evaluate(document) {
      if (closed) return Promise.resolve(failed('it was replaced'));
      if (waiting.length >= config.waitingMax)
        return Promise.resolve({ ok: false, error: policyError('POLICY_OVERLOADED') });
      const { promise, resolve } = Promise.withResolvers<Evaluated>();
      lastId += 1;
      waiting.push({ id: lastId, document, resolve });
      if (current === undefined) next();
      return promise;
    },
    warm() {
      if (!closed) worker ??= start();
    },
    close() {
      closed = true;
      const gone = worker;
      worker = undefined;
      for (const job of waiting.splice(0)) job.resolve(failed('it was replaced'));
      if (current !== undefined) finish(failed('it was replaced'));
      gone?.terminate().catch(() => undefined);
    },
  };
}
