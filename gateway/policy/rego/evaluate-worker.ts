/** The thread that evaluates: a policy that loops holds nobody up but itself, until it is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadPolicy } from '@open-policy-agent/opa-wasm';
import type { WasmModule } from './wasm.ts';

export interface EvaluatorData {
  readonly wasm: WasmModule;
  readonly data: Readonly<Record<string, unknown>>;
  readonly entrypoint: string;
  readonly memoryBytesMax: number;
}

export interface EvaluateRequest {
  readonly id: number;
  /** JSON of the input. */
  readonly document: string;
}

export type EvaluateAnswer =
  | { readonly ready: true }
  | { readonly id: number; readonly results: unknown }
  | { readonly id: number; readonly failure: string };

const PAGE_BYTES = 65_536;

const given = workerData as EvaluatorData;

async function load(): Promise<Awaited<ReturnType<typeof loadPolicy>>> {
  const maximum = Math.max(16, Math.floor(given.memoryBytesMax / PAGE_BYTES));
  const loaded = await loadPolicy(given.wasm, { initial: 16, maximum });
  loaded.setData(given.data);
  return loaded;
}

const reasonOf = (error: unknown): string =>
  String(typeof error === 'string' ? error : ((error as { message?: unknown }).message ?? error)).slice(
    0,
    300,
  );

let policy = await load();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker is no window, it has no origin
parentPort?.postMessage({ ready: true } satisfies EvaluateAnswer);

parentPort?.on('message', (request: EvaluateRequest) => {
  const { id, document } = request;
  const answer = (value: EvaluateAnswer): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker is no window, it has no origin
    parentPort?.postMessage(value);
  };
  try {
    const bytes = new TextEncoder().encode(document);
    const results: unknown = policy.evaluate(bytes.buffer, given.entrypoint);
    answer({ id, results });
  } catch (error) {
    // What it left in its memory is not to be trusted.
    load()
      .then((fresh) => {
        policy = fresh;
        answer({ id, failure: reasonOf(error) });
      })
      .catch((again: unknown) => answer({ id, failure: reasonOf(again) }));
  }
});
