/** What passes between the main thread and the thread of a role. */
import type { MessagePort } from 'node:worker_threads';
import type { Role } from '../../platform/lifecycle/role.ts';
import type { LogLevel } from '../../platform/log/pino-logger.ts';
import type { EventLogSettings } from '../adapters/event-log.ts';
import type { Environment } from '../config.ts';
import type { VaultSecrets } from '../vault-secrets.ts';

/** What the thread is started with. */
export interface RoleThreadData<C> {
  readonly config: C;
  readonly logLevel: LogLevel;
  readonly logFile: string | null;
  /** The event log of the main thread; null: the thread opens one of its own. */
  readonly eventLog: MessagePort | null;
  readonly settings: EventLogSettings;
  /** Where secrets of the adapters come from. */
  readonly environment: Environment;
  /** Of the vault, where a gateway runs in this process. */
  readonly vaultSecrets?: VaultSecrets | undefined;
  /** Name of the process among all; its threads' writers are named for it. */
  readonly processName: string;
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
