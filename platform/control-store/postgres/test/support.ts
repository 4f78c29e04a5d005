/** Control stores on a real PostgreSQL, each in a schema of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import Value from 'typebox/value';
import { PostgresStoreConfig } from '../../../../schemas/config/control-store-postgres.ts';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import type { Clock } from '../../../clock/clock.ts';
import { createSystemClock, createSystemRandom } from '../../../clock/system-clock.ts';
import { silentLogger } from '../../../log/pino-logger.ts';
import { createPromMetrics } from '../../../metrics/prom-metrics.ts';
import type { Metrics } from '../../../metrics/metrics.ts';
import type { ControlStore } from '../../control-store.ts';
import { createPostgresControlStore } from '../postgres-control-store.ts';

export interface StoreServer {
  readonly server: TestPostgres;
  readonly caFile: string;
  config(extra?: Partial<PostgresStoreConfig>): PostgresStoreConfig;
  /** `extra.schema` where two stores shall share one. */
  open(
    extra?: Partial<PostgresStoreConfig>,
    deps?: { readonly clock?: Clock; readonly metrics?: Metrics; readonly password?: string },
  ): Promise<ControlStore>;
  newSchema(): string;
  query(text: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

export async function startStoreServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<StoreServer> {
  const server = await startPostgres({ log_statement: 'none', ...settings });
  const folder = mkdtempSync(join(tmpdir(), 'postgres-store-'));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, server.caPem);
  const defaults = Value.Default(PostgresStoreConfig, {}) as PostgresStoreConfig;
  let schemas = 0;
  const config = (extra: Partial<PostgresStoreConfig> = {}): PostgresStoreConfig => ({
    ...defaults,
    hosts: [{ host: server.host, port: server.port }],
    database: 'postgres',
    user: server.user,
    password: { env: 'PASSWORD' },
    tls: { mode: 'verify-full', caFile },
    ...extra,
  });
  const newSchema = (): string => `store_${(schemas += 1)}`;
  return {
    server,
    caFile,
    config,
    newSchema,
    open: (
      extra = {},
      { clock = createSystemClock(), metrics = createPromMetrics(), password = server.password } = {},
    ) =>
      createPostgresControlStore(
        {
          clock,
          random: createSystemRandom(),
          log: silentLogger,
          metrics,
          readSecret: () => Promise.resolve(password),
        },
        config({ schema: newSchema(), ...extra }),
      ),
    async query(text) {
      const client = new pg.Client({
        host: server.host,
        port: server.port,
        user: server.user,
        password: server.password,
        database: 'postgres',
        ssl: { ca: server.caPem },
      });
      await client.connect();
      try {
        return (await client.query(text)).rows as Record<string, unknown>[];
      } finally {
        await client.end();
      }
    },
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
