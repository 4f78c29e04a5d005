/** A real PostgreSQL as the target of an installation: the sample database, every statement in the server's log. */
import pg from 'pg';
import type { ConnectionEntry } from '../../../schemas/config/connection.ts';
import { startPostgres, type TestPostgres } from '../../../test/servers/postgres.ts';
import { prepareSampleDatabase } from '../../sample-target/sample-database.ts';

export interface TestTarget {
  readonly server: TestPostgres;
  readonly connection: ConnectionEntry;
  /** What the gateway's vault must hold for the connection. */
  readonly credential: { readonly username: string; readonly password: string };
  /** A direct connection past the gateway, as superuser. */
  direct(): Promise<pg.Client>;
  stop(): Promise<void>;
}

const ACCOUNT_PASSWORD = 'account-of-the-tests';

export async function startTarget(): Promise<TestTarget> {
  const server = await startPostgres();
  const { host, port, user, password } = server;
  const { database, username } = await prepareSampleDatabase(
    { host, port, superuser: { name: user, password } },
    ACCOUNT_PASSWORD,
  );
  return {
    server,
    connection: {
      name: 'sample',
      protocol: 'postgres',
      host,
      port,
      options: { database, sslMode: 'disable' },
    },
    credential: { username, password: ACCOUNT_PASSWORD },
    async direct() {
      const client = new pg.Client({ host, port, user, password, database });
      // The server may go first.
      client.on('error', () => undefined);
      await client.connect();
      return client;
    },
    stop: () => server.stop('fast'),
  };
}
