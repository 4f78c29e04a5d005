/** What knows a program: its invocation in, what it runs, touches and does out. */
import type { Argument, Invocation } from '../command-line.ts';
import type { Scope, Walk } from '../found.ts';

export interface Running {
  readonly walk: Walk;
  readonly invocation: Invocation;
  readonly args: readonly Argument[];
  /** Position in the list of all programs. */
  readonly index: number;
  readonly scope: Scope;
  /** Scope for what this program runs. */
  readonly inner: Scope;
}

/** Says what a program does, beyond that it is run. */
export type Handler = (running: Running) => void;

export type Handlers = Readonly<Record<string, Handler>>;

/** The same handler for many names. */
export const forNames = (names: string, handler: Handler): Handlers =>
  Object.fromEntries(names.split(' ').map((name) => [name, handler]));
