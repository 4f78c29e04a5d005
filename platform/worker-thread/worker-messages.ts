/** What crosses between a worker and its client, by structured clone. */
import type { ErrorDetails } from '../errors/errors.ts';

export interface WorkerCall {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface WorkerFailure {
  /** Code of the catalogue; null for a bug. */
  readonly code: string | null;
  readonly details: ErrorDetails;
  readonly message: string;
}

export type WorkerAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failed: WorkerFailure };
