import pg from 'pg';
import type { TestPostgres } from './postgres.ts';

/** The superuser's own connection to a server of the tests, past every gateway. `end()` it in `after`. */
export async function connectDirectly({ host, port, user, password }: TestPostgres): Promise<pg.Client> {
  const client = new pg.Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  return client;
}
