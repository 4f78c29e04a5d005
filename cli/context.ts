import type { Command } from 'commander';
import type { ApiClient } from './api-client.ts';
import type { Output } from './output.ts';

/** What every command is given; made anew for each run. */
export interface CliContext {
  /** The control API; fails with CLI_NO_API where none is known. */
  api(): ApiClient;
  output(): Output;
  now(): number;
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** How this program is called again: the executable and its first arguments. */
  readonly program: readonly string[];
  /** Aborts on Ctrl-C. */
  readonly interrupted: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Adds commands to the program. Each file in cli/commands exports one; main registers those that need more than HTTP. */
export type RegisterCommands = (program: Command, context: CliContext) => void;
