/** The thread that analyses long commands, so that the relay never waits for one. */
import { parentPort } from 'node:worker_threads';
import type { SessionSettings } from './analyser.ts';
import { createStaticResolver } from './objects.ts';
import { loadParser } from './parser.ts';
import { runAnalysis } from './run.ts';
import { createPreparedNames } from './session.ts';

export interface WorkerRequest {
  readonly id: number;
  readonly sql: string;
  readonly settings: SessionSettings;
}

await loadParser();
const resolver = createStaticResolver();

parentPort?.on('message', (request: WorkerRequest) => {
  // A session's prepared names stay with the session: EXECUTE in a long command is opaque.
  const prepared = createPreparedNames({ namesMax: 100, statementsPerNameMax: 4 });
  const run = runAnalysis({ sql: request.sql, settings: request.settings, prepared, resolver });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker is no window, it has no origin
  parentPort?.postMessage({ id: request.id, run });
});
