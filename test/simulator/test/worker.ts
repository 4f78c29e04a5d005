/** Runs a share of the seeds on a thread of its own and reports what broke. */
import { parentPort, workerData } from 'node:worker_threads';
import { simulate } from '../simulate.ts';

export interface Share {
  readonly from: number;
  readonly count: number;
  readonly step: number;
}

export interface ShareReport {
  readonly runs: number;
  readonly failures: readonly { readonly seed: number; readonly violations: readonly string[] }[];
  readonly counts: Readonly<Record<string, number>>;
}

const { from, count, step } = workerData as Share;
const failures: { seed: number; violations: string[] }[] = [];
const counts: Record<string, number> = {};
let runs = 0;
for (let seed = from; seed < from + count; seed += step) {
  const outcome = await simulate(seed);
  runs += 1;
  for (const [name, value] of Object.entries(outcome.counts)) counts[name] = (counts[name] ?? 0) + value;
  if (outcome.violations.length > 0)
    failures.push({
      seed,
      violations: outcome.violations.map(({ invariant, detail }) => `${invariant}: ${detail}`),
    });
}
parentPort!.postMessage({ runs, failures, counts } satisfies ShareReport);
