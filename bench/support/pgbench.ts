/** Runs pgbench (Debian: postgresql-contrib) against an endpoint. */
import { spawn } from 'node:child_process';
import type { Endpoint } from './gateway-process.ts';

export type PgbenchMode = 'simple' | 'extended' | 'prepared';

export interface PgbenchRun {
  readonly tps: number;
  readonly transactions: number;
  readonly failed: number;
}

function pgbench(endpoint: Endpoint, words: readonly string[]): Promise<string> {
  const { host, port, user, password, database } = endpoint;
  return new Promise((resolve, reject) => {
    const child = spawn('pgbench', ['-h', host, '-p', String(port), '-U', user, ...words, database], {
      env: { PATH: process.env['PATH'] ?? '', PGPASSWORD: password, PGSSLMODE: 'disable' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let problems = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (problems += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`pgbench: ${problems.trim().slice(-500)}`)),
    );
  });
}

export const pgbenchInit = async (endpoint: Endpoint, scale: number): Promise<void> =>
  void (await pgbench(endpoint, ['-i', '-q', '-s', String(scale)]));

export async function pgbenchSelect(
  endpoint: Endpoint,
  load: { readonly mode: PgbenchMode; readonly clients: number } & (
    | { readonly seconds: number }
    | { readonly transactionsPerClient: number }
  ),
): Promise<PgbenchRun> {
  const length =
    'seconds' in load ? ['-T', String(load.seconds)] : ['-t', String(load.transactionsPerClient)];
  const options = ['-S', '-n', '-M', load.mode, '-c', String(load.clients), '-j', '1', ...length];
  const out = await pgbench(endpoint, options);
  const number = (pattern: RegExp): number => Number(pattern.exec(out)?.[1] ?? Number.NaN);
  return {
    tps: number(/tps = ([\d.]+)/),
    transactions: number(/transactions actually processed: (\d+)/),
    failed: number(/number of failed transactions: (\d+)/),
  };
}
