/** A target and a gateway in front of it for one test file, and clients of them. Import before any test. */
import { spawn } from 'node:child_process';
import { after, before, beforeEach } from 'node:test';
import pg from 'pg';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { connectDirectly } from '../../../../test/servers/postgres-client.ts';
import { startGateway, TOKEN, USER, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import type { SeenSession } from '../../test/test-sessions.ts';

export let target: TestPostgres;
export let gateway: TestGateway;

before(async () => {
  target = await startPostgres();
  gateway = await startGateway({
    target,
    credential: { username: target.user, password: target.password },
    options: { anyDatabase: true },
  });
});
after(async () => {
  await gateway.stop();
  await target.stop();
});
beforeEach(() => {
  gateway.decide = () => 'allow';
});

export const options = (overrides: pg.ClientConfig = {}): pg.ClientConfig => ({
  host: gateway.host,
  port: gateway.port,
  user: USER,
  password: TOKEN,
  database: 'main',
  ...overrides,
});

export async function connect(overrides: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client(options(overrides));
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Runs `work` on a client of its own; what it did stands in the session. */
export async function session<T>(
  work: (client: pg.Client, seen: SeenSession) => Promise<T>,
): Promise<SeenSession> {
  const client = await connect();
  const seen = gateway.sessions.at(-1)!;
  try {
    await work(client, seen);
  } finally {
    await client.end();
  }
  await until('the session is closed', () => seen.closes.length > 0);
  return seen;
}

export async function direct(sql: string): Promise<Record<string, unknown>[]> {
  const client = await connectDirectly(target);
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}
export function psql(args: string[], input = '', database = 'main'): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(
      'psql',
      ['-X', '-h', gateway.host, '-p', String(gateway.port), '-U', USER, '-d', database, ...args],
      { env: { ...process.env, PGPASSWORD: TOKEN, PGCONNECT_TIMEOUT: '10' } },
    );
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('close', (code) => resolve({ code, out, err }));
    child.stdin.end(input);
  });
}

export const failure = async (work: Promise<unknown>): Promise<pg.DatabaseError> => {
  try {
    await work;
  } catch (error) {
    return error as pg.DatabaseError;
  }
  throw new Error('it did not fail');
};
