/** What every benchmark is and prints (CONTRIBUTING: speed is measured here, never in a test). */
import { cpus, totalmem } from 'node:os';

export interface Goal {
  readonly name: string;
  readonly goal: number;
  readonly value: number;
  readonly met: boolean;
}

export interface BenchResult {
  readonly figures: Readonly<Record<string, number | string>>;
  readonly goals: readonly Goal[];
}

/** Reads its own arguments; prints its tables; throws only where it could not measure. */
export type Bench = (args: readonly string[]) => Promise<BenchResult>;

export const atMost = (name: string, goal: number, value: number): Goal => ({
  name,
  goal,
  value,
  met: value <= goal,
});
export const atLeast = (name: string, goal: number, value: number): Goal => ({
  name,
  goal,
  value,
  met: value >= goal,
});

/** Nearest-rank percentile of unsorted values; NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

/** Value of `--name VALUE` among the arguments. */
export function option(args: readonly string[], name: string, otherwise: string): string {
  const at = args.indexOf(`--${name}`);
  return at >= 0 ? (args[at + 1] ?? otherwise) : otherwise;
}

export function machine(): string {
  const [first] = cpus();
  return `${first?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}, Node ${process.version}`;
}
