/** One worker thread at a time, one command at a time; a command past its deadline takes its thread with it. */
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../../../platform/clock/clock.ts';
import type { SessionSettings } from './analyser.ts';
import type { Question } from './asking-view.ts';
import type { WorkerAnswer, WorkerRequest } from './parse-worker.ts';
import type { Run } from './run.ts';

export interface ParseThread {
  /** Undefined: not within the deadline, too many waiting, or the thread failed. `answer` says what names mean; undefined: it cannot. */
  analyse(sql: string, settings: SessionSettings, answer?: AnswerQuestions): Promise<Run | undefined>;
  close(): Promise<void>;
}

export interface ParseThreadConfig {
  /** From the start of the command's own turn, milliseconds. */
  readonly deadlineMs: number;
  readonly waitingMax: number;
  readonly heapMiBMax: number;
}

export type AnswerQuestions = (
  questions: readonly Question[],
) => Promise<readonly (readonly [string, unknown])[] | undefined>;

/** A thread that asks more often than that does not come to an end. */
const ROUNDS_MAX = 12;

interface Job {
  readonly request: WorkerRequest;
  readonly answer: AnswerQuestions | undefined;
  rounds: number;
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

  /** Finishes without an outcome where the questions cannot be answered. */
  function reply(made: Worker, questions: readonly Question[]): void {
    const job = current!;
    job.rounds += 1;
    const give = (answers: readonly (readonly [string, unknown])[] | undefined): void => {
      if (made !== worker || current !== job) return;
      if (answers === undefined || job.rounds > ROUNDS_MAX) return finish(undefined);
      const request: WorkerRequest = { kind: 'answers', id: job.request.id, answers };
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker is no window, it has no origin
      made.postMessage(request);
    };
    (job.answer?.(questions) ?? Promise.resolve(undefined)).then(give, () => give(undefined));
  }

  function start(): Worker {
    const made = new Worker(new URL(WORKER_FILE, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: config.heapMiBMax },
    });
    made.on('message', (answer: WorkerAnswer) => {
      if (made !== worker || answer.id !== current?.request.id) return;
      if ('questions' in answer) return reply(made, answer.questions);
      // A parser that failed is not used again.
      if (answer.run.broken) discard(made);
      else finish(answer.run);
    });
    made.on('error', () => discard(made));
    made.on('exit', () => discard(made));
    return made;
  }

  return {
    analyse(sql, settings, answer) {
      if (waiting.length >= config.waitingMax) return Promise.resolve(undefined);
      const { promise, resolve } = Promise.withResolvers<Run | undefined>();
      const request: WorkerRequest = {
        kind: 'analyse',
        id: ++lastId,
        sql,
        settings,
        asks: answer !== undefined,
      };
      waiting.push({ request, answer, rounds: 0, resolve });
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
