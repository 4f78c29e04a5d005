/** A real PostgreSQL 18 for tests: a fresh one, in a folder of its own that goes with it. */
import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { makeLoopbackCertificate } from '../../main/tls.ts';
import { startPostgresServer, type PostgresServer } from '../../main/sample-target/postgres-server.ts';

export interface TestPostgres extends PostgresServer {
  readonly user: string;
  readonly password: string;
  /** Certificate of its own authority, for `verify-full` by name `localhost` and 127.0.0.1. */
  readonly caPem: string;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
}

/** Starts a server with TLS on, `log_statement = all`, superuser `postgres`. Call `stop()` in `after`. */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-test-postgres-'));
  chmodSync(folder, 0o755);
  const clock = createSystemClock();
  const tls = await makeLoopbackCertificate(clock.now());
  const superuser = { name: 'postgres', password: 'postgres-of-the-tests' };
  const start = (port: number): Promise<PostgresServer> =>
    startPostgresServer(clock, {
      folder,
      port,
      superuser,
      tls,
      settings: {
        fsync: 'off',
        log_statement: 'all',
        log_line_prefix: '%m [%p] %u@%d ',
        max_connections: '200',
        ...settings,
      },
    });
  let server = await start(0);
  // A test file that is ended leaves no server behind.
  const endWithUs = (): void => {
    try {
      process.kill(server.pid, 'SIGQUIT');
    } catch {
      // It has ended already.
    }
  };
  process.once('exit', endWithUs);
  return {
    host: server.host,
    port: server.port,
    logFile: server.logFile,
    get pid() {
      return server.pid;
    },
    user: superuser.name,
    password: superuser.password,
    caPem: tls.certificatePem,
    async restart() {
      await server.stop('fast');
      server = await start(server.port);
    },
    async stop(mode) {
      process.off('exit', endWithUs);
      await server.stop(mode);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
