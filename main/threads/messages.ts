/** What passes between the main thread and the thread of a role. */
import type { MessagePort } from 'node:worker_threads';
import type { Role } from '../../platform/lifecycle/role.ts';
import type { LogLevel } from '../../platform/log/pino-logger.ts';

/** What the thread is started with. */
export interface RoleThreadData<C> {
  readonly config: C;
  readonly logLevel: LogLevel;
  readonly logFile: string | null;
  /** The event log of the main thread. */
  readonly eventLog: MessagePort;
}

export type ToThread =
  | { readonly do: 'start'; readonly id: number }
  | { readonly do: 'stop'; readonly id: number; readonly graceMs: number }
  | { readonly do: 'metrics'; readonly id: number }
  | { readonly do: 'ping'; readonly id: number }
  | { readonly do: 'ask'; readonly id: number; readonly question: string; readonly argument: unknown };

export type ThreadHealth = ReturnType<Role['health']>;

export type FromThread =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number;
      readonly failure: { readonly code: string | null; readonly message: string; readonly hint: string };
    }
  | { readonly health: ThreadHealth };
