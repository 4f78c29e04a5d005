import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { startPostgres, type TestPostgres } from './postgres.ts';

describe('PostgreSQL from npm', () => {
  let server: TestPostgres;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  const query = async (text: string): Promise<unknown[]> => {
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
      return (await client.query(text)).rows as unknown[];
    } finally {
      await client.end();
    }
  };

  it('is version 18 and speaks TLS', async () => {
    assert.deepEqual(
      await query(
        "select current_setting('server_version_num')::int / 10000 as major, ssl from pg_stat_ssl where pid = pg_backend_pid()",
      ),
      [{ major: 18, ssl: true }],
    );
  });

  it('keeps its data over a restart', async () => {
    await query('create table kept (id int); insert into kept values (7)');
    await server.restart();
    assert.deepEqual(await query('select id from kept'), [{ id: 7 }]);
  });
});
