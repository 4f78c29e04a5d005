/** The thread that analyses long commands, so that the relay never waits for one. */
import { parentPort } from 'node:worker_threads';
import type { SessionSettings } from './analyser.ts';
import { createAskingView, type Answers, type Question } from './asking-view.ts';
import { createStaticResolver } from './objects.ts';
import { loadParser } from './parser.ts';
import { runAnalysis, type Run } from './run.ts';
import { createPreparedNames } from './session.ts';

export type WorkerRequest =
  | {
      readonly kind: 'analyse';
      readonly id: number;
      readonly sql: string;
      readonly settings: SessionSettings;
      /** Whether somebody answers what names mean. */
      readonly asks: boolean;
    }
  | {
      readonly kind: 'answers';
      readonly id: number;
      readonly answers: readonly (readonly [string, unknown])[];
    };

export type WorkerAnswer =
  | { readonly id: number; readonly run: Run }
  | { readonly id: number; readonly questions: readonly Question[] };

await loadParser();
const plain = createStaticResolver();
let current: Extract<WorkerRequest, { kind: 'analyse' }> | undefined;
let answers = new Map<string, unknown>();

function analyse(
  { sql, settings, asks }: { sql: string; settings: SessionSettings; asks: boolean },
  known: Answers,
): { readonly run: Run } | { readonly questions: readonly Question[] } {
  // A session's prepared names stay with the session: EXECUTE in a long command is opaque.
  const prepared = createPreparedNames({ namesMax: 100, statementsPerNameMax: 4 });
  if (!asks) return { run: runAnalysis({ sql, settings, prepared, resolver: plain }) };
  const asking = createAskingView(known);
  const resolver = { version: 0, ...asking.view };
  const run = runAnalysis({ sql, settings, prepared, resolver, catalogue: asking.view });
  const { questions } = asking;
  return questions.length === 0 ? { run } : { questions };
}

parentPort?.on('message', (request: WorkerRequest) => {
  if (request.kind === 'analyse') {
    current = request;
    answers = new Map();
  } else for (const [key, answer] of request.answers) answers.set(key, answer);
  if (current === undefined) return;
  const answer = { id: request.id, ...analyse(current, answers) };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker is no window, it has no origin
  parentPort?.postMessage(answer);
});
