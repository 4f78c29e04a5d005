/** A whole installation in a process of its own, so that it can be killed. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createApiClient, type ApiAddress, type ApiClient } from '../../../cli/api-client.ts';
import type { ListenerAnswer } from '../../../gateway/control-api/services.ts';
import type { TestTarget } from './target.ts';

export interface HostOrder {
  readonly dataFolder: string;
  readonly target: Pick<TestTarget, 'connection' | 'credential'>;
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

/** Starts it and resolves when it serves; rejects where the process ends before. */
export async function startInstallationProcess(
  target: Pick<TestTarget, 'connection' | 'credential'>,
  dataFolder: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<InstallationProcess> {
  const { connection, credential } = target;
  const order: HostOrder = { dataFolder, target: { connection, credential }, settings };
  const child: ChildProcess = fork(
    fileURLToPath(new URL('installation-host.ts', import.meta.url)),
    [JSON.stringify(order)],
    { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const ready = await new Promise<HostReady>((resolve, reject) => {
    child.once('message', (message) => resolve(message as HostReady));
    child.once('exit', (code, signal) =>
      reject(new Error(`the installation ended while it started: ${code ?? signal}`)),
    );
  });
  return {
    pid: child.pid!,
    api: createApiClient(ready.api),
    listener: ready.listener,
    async kill() {
      child.kill('SIGKILL');
      await gone;
    },
    async stop() {
      if (child.connected) child.send('stop');
      await gone;
    },
  };
}
