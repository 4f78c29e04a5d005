import type { Action } from '../actions/action.ts';
import type { PlaybookFile, PlaybookMode, PlaybookStep } from './schema.ts';

export interface Step {
  readonly id: string;
  readonly action: Action;
  readonly parameters: Record<string, unknown>;
  readonly onFailure: PlaybookStep['onFailure'];
}

/** A playbook that was checked and is ready to run. */
export interface Playbook {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly mode: PlaybookMode;
  readonly trigger: PlaybookFile['trigger'];
  readonly conditions: PlaybookFile['conditions'];
  readonly budget: { readonly identitiesMax: number; readonly windowMs: number } | null;
  /** In the order in which they are done: what contains goes first, else as in the file. */
  readonly steps: readonly Step[];
  readonly cases: PlaybookFile['cases'];
  /** Digest of the file's content. */
  readonly version: string;
  readonly file: string;
}
