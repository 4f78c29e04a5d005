/** `countersign up` as a process of its own: for what kills it, and for what it weighs. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApiClient, type ApiAddress, type ApiClient } from '../../../cli/api-client.ts';
import { issueToken } from '../../../cli/issue-token.ts';
import type { TestPostgres } from '../../servers/postgres.ts';
import type { ClientTarget } from './client.ts';
import { until } from '../../support/until.ts';
import type { Login } from './whole.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'main', 'countersign.ts');

export interface Started {
  readonly process: ChildProcess;
  output(): string;
  /** Resolves with the exit code, null where a signal ended it. */
  readonly exit: Promise<number | null>;
}

export interface ChildInstallation extends Started, ClientTarget {
  readonly api: ApiClient;
  issue(subject: string, kind?: string): Promise<Login>;
  /** Resident memory, bytes. */
  rss(): number;
  stop(): Promise<void>;
}

/** Starts the program on `folder`/data; `environment` sets what the configuration has. */
export function spawnUp(
  folder: string,
  postgres: { readonly host: string; readonly port: number },
  environment: Readonly<Record<string, string>> = {},
): Started {
  const config = join(folder, 'config.json');
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({
      connections: [
        {
          name: 'shop',
          protocol: 'postgres',
          host: postgres.host,
          port: postgres.port,
          options: { database: 'postgres', sslMode: 'disable' },
        },
      ],
    }),
  );
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, 'up', '--config', config],
    {
      env: {
        PATH: process.env['PATH'],
        COUNTERSIGN_DATA_FOLDER: join(folder, 'data'),
        COUNTERSIGN_CONTROL_API__PORT: '0',
        COUNTERSIGN_LOG_LEVEL: 'warn',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return {
    process: child,
    output: () => output,
    exit: once(child, 'close').then(([code]) => code as number | null),
  };
}

/** Waits until a program that was started serves. */
export async function serving(
  started: Started,
  folder: string,
  postgres: TestPostgres,
): Promise<ChildInstallation> {
  await until(`it serves; it said: ${started.output()}`, () => {
    if (started.process.exitCode !== null) throw new Error(`it ended: ${started.output()}`);
    return /Control API:|"api"/.test(started.output());
  });
  const address = JSON.parse(readFileSync(join(folder, 'data', 'api.json'), 'utf8')) as ApiAddress;
  const api = createApiClient(address);
  const listener = await api.get<{ host: string; port: number; ca: string }>('/v1/listeners/postgres');
  // The credential goes to the vault by a connection of its own.
  await api.send('PUT', '/v1/connections/main', {
    protocol: 'postgres',
    host: postgres.host,
    port: postgres.port,
    database: 'postgres',
    tls: 'disable',
    role: postgres.user,
    credential: { password: postgres.password },
  });
  return {
    ...started,
    api,
    listener,
    async issue(subject, kind = 'service_account') {
      const issued = await issueToken(api, {
        subject,
        kind,
        groups: [],
        connections: ['*'],
        ttlMs: 3_600_000,
      });
      return { user: issued.userName, token: issued.token, tokenId: issued.summary.tokenId };
    },
    rss() {
      const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', String(started.process.pid)], {
        encoding: 'utf8',
      });
      return Number(stdout.trim()) * 1024;
    },
    async stop() {
      started.process.kill('SIGTERM');
      await started.exit;
    },
  };
}
