/** Fills the sample target: a database `shop` that belongs to the account `app`, which the gateway logs in with. */
import { readFileSync } from 'node:fs';
import pg from 'pg';

export interface SampleDatabase {
  readonly database: string;
  readonly username: string;
  readonly password: string;
}

export const SAMPLE_DATABASE = 'shop';
export const SAMPLE_ACCOUNT = 'app';

interface Server {
  readonly host: string;
  readonly port: number;
  readonly superuser: { readonly name: string; readonly password: string };
}

async function run(
  server: Server,
  database: string,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: server.superuser.name,
    password: server.superuser.password,
    database,
  });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** Makes account, database and tables where they are absent, and sets the account's password. Idempotent. */
export async function prepareSampleDatabase(server: Server, password: string): Promise<SampleDatabase> {
  await run(server, 'postgres', async (client) => {
    const account = await client.query('select from pg_roles where rolname = $1', [SAMPLE_ACCOUNT]);
    const verb = account.rowCount === 0 ? 'create' : 'alter';
    await client.query(`${verb} role ${SAMPLE_ACCOUNT} login password ${client.escapeLiteral(password)}`);
    const database = await client.query('select from pg_database where datname = $1', [SAMPLE_DATABASE]);
    if (database.rowCount === 0)
      await client.query(`create database ${SAMPLE_DATABASE} owner ${SAMPLE_ACCOUNT}`);
  });
  const schema = readFileSync(new URL('schema.sql', import.meta.url), 'utf8');
  await run(server, SAMPLE_DATABASE, async (client) => {
    await client.query(`set role ${SAMPLE_ACCOUNT}`);
    await client.query(schema);
  });
  return { database: SAMPLE_DATABASE, username: SAMPLE_ACCOUNT, password };
}
