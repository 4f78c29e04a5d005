/** One worker thread at a time, one command at a time; a command past its deadline takes its thread with it. */
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../../../platform/clock/clock.ts';
import type { SessionSettings } from './analyser.ts';
import type { WorkerRequest } from './parse-worker.ts';
import type { Run } from './run.ts';

export interface ParseThread {
  /** Undefined: not within the deadline, too many waiting, or the thread failed. */
  analyse(sql: string, settings: SessionSettings): Promise<Run | undefined>;
  close(): Promise<void>;
}

export interface ParseThreadConfig {
  /** From the start of the command's own turn, milliseconds. */
  readonly deadlineMs: number;
  readonly waitingMax: number;
  readonly heapMiBMax: number;
}

interface Job {
  readonly request: WorkerRequest;
  readonly resolve: (run: Run | undefined) => void;
}

const WORKER_FILE = import.meta.url.endsWith('.ts') ? './parse-worker.ts' : './parse-worker.js';

export function createParseThread(clock: Clock, config: ParseThreadConfig): ParseThread {
  const waiting: Job[] = [];
  let worker: Worker | undefined;
  let current: Job | undefined;
  let deadline: Timer | undefined;
  let lastId = 0;

  function discard(gone: Worker | undefined): void {
    if (gone === undefined || gone !== worker) return;
    worker = undefined;
    gone.terminate().catch(() => undefined);
    finish(undefined);
  }

  function finish(run: Run | undefined): void {
    deadline?.cancel();
    deadline = undefined;
    const done = current;
    current = undefined;
    done?.resolve(run);
    // Idle threads do not keep the process alive.
    if (waiting.length === 0) worker?.unref();
    else next();
  }

  function next(): void {
    current = waiting.shift();
    if (current === undefined) return;
    const used = (worker ??= start());
    used.ref();
    deadline = clock.after(config.deadlineMs, () => discard(used));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker is no window, it has no origin
    used.postMessage(current.request);
  }

  function start(): Worker {
    const made = new Worker(new URL(WORKER_FILE, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: config.heapMiBMax },
    });
    made.on('message', (answer: { id: number; run: Run }) => {
      if (made !== worker || answer.id !== current?.request.id) return;
      // A parser that failed is not used again.
      if (answer.run.broken) discard(made);
      else finish(answer.run);
    });
    made.on('error', () => discard(made));
    made.on('exit', () => discard(made));
    return made;
  }

  return {
    analyse(sql, settings) {
      if (waiting.length >= config.waitingMax) return Promise.resolve(undefined);
      const { promise, resolve } = Promise.withResolvers<Run | undefined>();
      waiting.push({ request: { id: ++lastId, sql, settings }, resolve });
      if (current === undefined) next();
      return promise;
    },
    async close() {
      for (const job of waiting.splice(0)) job.resolve(undefined);
      const gone = worker;
      worker = undefined;
      finish(undefined);
      await gone?.terminate();
    },
  };
}
