/** Starts gateway-worker.ts and talks to it. */
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SERVING_FLAGS } from '../../main/test/support/installation-process.ts';
import type { PolicyConfig } from '../../schemas/config/policy.ts';

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
  /** Instead of the shipped policy. */
  readonly policy?: Partial<PolicyConfig>;
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
  /** Starts a processor profile, or stops it and writes it to `file`. */
  profile(file: string): Promise<void>;
  stop(): Promise<void>;
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

export async function startGatewayProcess(options: Omit<ChildOrder, 'dataFolder'>): Promise<GatewayProcess> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const order: ChildOrder = { ...options, dataFolder };
  const child = fork(join(import.meta.dirname, 'gateway-worker.ts'), [JSON.stringify(order)], {
    execArgv: ['--expose-gc', ...SERVING_FLAGS],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const { host, port, user, password } = await nextMessage<Omit<Endpoint, 'database'>>(child);
  const ask = <T>(message: object): Promise<T> => {
    const answer = nextMessage<T>(child);
    child.send(message);
    return answer;
  };
  return {
    endpoint: { host, port, user, password, database: 'bench' },
    usage: (collect = false) => ask(collect ? { collect: true } : {}),
    profile: (file) => ask({ profile: file }),
    async stop() {
      const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.disconnect();
      await gone;
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}
