/** Starts gateway-child.ts and talks to it. */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface ChildOrder {
  readonly dataFolder: string;
  readonly durability: 'process' | 'power' | 'async';
  /** The gateway alone, or every role in one process. */
  readonly roles: 'gateway' | 'all';
  readonly target: Endpoint;
}

export interface Usage {
  /** Processor time so far, microseconds. */
  readonly cpuUs: number;
  readonly rssBytes: number;
}

export interface GatewayProcess {
  readonly endpoint: Endpoint;
  /** `collect` runs the garbage collector first. */
  usage(collect?: boolean): Promise<Usage>;
  stop(): Promise<void>;
}

export interface ProcessOptions extends Omit<ChildOrder, 'dataFolder'> {
  /** Folder for a processor profile, written when it stops. */
  readonly profileFolder?: string | undefined;
}

const nextMessage = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve, reject) => {
    const gone = (code: number | null): void => reject(new Error(`the gateway ended with ${code}`));
    child.once('exit', gone);
    child.once('message', (message) => {
      child.off('exit', gone);
      resolve(message as T);
    });
  });

export async function startGatewayProcess(options: ProcessOptions): Promise<GatewayProcess> {
  const { profileFolder, ...rest } = options;
  const dataFolder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const order: ChildOrder = { ...rest, dataFolder };
  const child = fork(join(import.meta.dirname, 'gateway-child.ts'), [JSON.stringify(order)], {
    execArgv: [
      '--expose-gc',
      '--disable-warning=ExperimentalWarning',
      ...(profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]),
    ],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const { host, port, user, password } = await nextMessage<Omit<Endpoint, 'database'>>(child);
  return {
    endpoint: { host, port, user, password, database: 'bench' },
    usage(collect = false) {
      const answer = nextMessage<Usage>(child);
      child.send(collect ? 'collect' : 'usage');
      return answer;
    },
    async stop() {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.disconnect();
      await gone;
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}
