/** A whole installation in a process of its own, so that it can be killed, and that what measures it takes no part in it. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createApiClient, type ApiAddress, type ApiClient } from '../../../cli/api-client.ts';
import type { ListenerAnswer } from '../../../gateway/control-api/services.ts';
import type { InstallationTarget } from './installation.ts';

export interface HostOrder {
  readonly dataFolder: string;
  readonly target: InstallationTarget;
  readonly settings: Readonly<Record<string, string>>;
}

export interface HostReady {
  readonly api: ApiAddress;
  readonly listener: ListenerAnswer;
}

export interface InstallationProcess {
  readonly pid: number;
  readonly api: ApiClient;
  readonly listener: ListenerAnswer;
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Ends it in order. */
  stop(): Promise<void>;
}

export interface StartingProcess {
  /** Rejects where the process ends before it serves. */
  readonly ready: Promise<InstallationProcess>;
  kill(): Promise<void>;
}

/** Node's flags for what serves, as main/launch.mjs gives them. */
export const SERVING_FLAGS = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'] as const;

const HOST = fileURLToPath(new URL('installation-host.ts', import.meta.url));

export function spawnInstallation(
  target: InstallationTarget,
  dataFolder: string,
  settings: Readonly<Record<string, string>> = {},
): StartingProcess {
  const { connection, credential } = target;
  const order: HostOrder = { dataFolder, target: { connection, credential }, settings };
  const child: ChildProcess = fork(HOST, {
    execArgv: [...SERVING_FLAGS],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  // A child that has ended already tells that by its exit.
  child.send(order, () => undefined);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const told = new Promise<HostReady>((resolve, reject) => {
    child.once('message', (message) => resolve(message as HostReady));
    child.once('exit', (code, signal) =>
      reject(new Error(`the installation ended while it started: ${code ?? signal}`)),
    );
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await gone;
  };
  const ready = told.then(({ api, listener }): InstallationProcess => ({
    pid: child.pid!,
    api: createApiClient(api),
    listener,
    kill,
    async stop() {
      if (child.connected) child.send('stop');
      await gone;
    },
  }));
  // Who kills it while it starts does not wait for it.
  ready.catch(() => undefined);
  return { ready, kill };
}

/** Starts it and resolves when it serves. */
export const startInstallationProcess = (
  ...given: Parameters<typeof spawnInstallation>
): Promise<InstallationProcess> => spawnInstallation(...given).ready;
