/** A target and a gateway in front of it: the same account either way, so that only the gateway can make a difference. */
import pg from 'pg';
import { createAnalyser } from '../../../gateway/protocols/postgres/analysis/create-analyser.ts';
import {
  startGateway,
  TOKEN,
  USER,
  type TestGateway,
} from '../../../gateway/protocols/postgres/test/gateway.ts';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { startPostgres, type TestPostgres } from '../../servers/postgres.ts';
import { prepareSampleDatabase } from '../../../main/sample-target/sample-database.ts';
import type { Endpoint } from './raw-session.ts';

export interface Pair {
  readonly server: TestPostgres;
  readonly gateway: TestGateway;
  readonly direct: Endpoint;
  readonly through: Endpoint;
  /** Runs SQL as the superuser, beside both. */
  admin(sql: string): Promise<void>;
  stop(): Promise<void>;
}

const PASSWORD = 'password-of-the-account';

export async function startPair(): Promise<Pair> {
  const server = await startPostgres({ log_statement: 'none' });
  const superuser = { name: server.user, password: server.password };
  const { username, database } = await prepareSampleDatabase({ ...server, superuser }, PASSWORD);
  const clock = createSystemClock();
  const analyser = await createAnalyser({ clock, hmac: () => Buffer.alloc(32) });
  const credential = { username, password: PASSWORD };
  const gateway = await startGateway({
    target: server,
    credential,
    analyser,
    // As the target has it; else SHOW would tell.
    options: { database, sslMode: 'disable', clientCheckIntervalMs: 0, catalogue: 'on' },
  });
  gateway.keepRecording = false;
  const connection = { host: server.host, port: server.port, user: server.user, password: server.password };
  return {
    server,
    gateway,
    direct: { host: server.host, port: server.port, user: username, password: PASSWORD, database },
    through: { host: gateway.host, port: gateway.port, user: USER, password: TOKEN, database: 'main' },
    async admin(sql) {
      const client = new pg.Client({ ...connection, database });
      await client.connect();
      await client.query(sql);
      await client.end();
    },
    async stop() {
      await gateway.stop();
      await analyser.close();
      await server.stop();
    },
  };
}
