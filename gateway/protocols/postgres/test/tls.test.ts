import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { makeLoopbackCertificate } from '../../../../main/tls.ts';
import { lacking } from '../../../../test/servers/available.ts';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { createSystemClock } from '../../../../platform/clock/system-clock.ts';
import { requestCode, startup } from '../wire/messages.ts';
import { postgresProtocol } from '../protocol.ts';
import { rawLogin } from './raw-client.ts';
import { libraryClient, startGateway, TOKEN, USER, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';

let target: TestPostgres;
let gateway: TestGateway;
let folder: string;

before(async () => {
  target = await startPostgres();
  folder = mkdtempSync(join(tmpdir(), 'countersign-tls-test-'));
  const tls = await makeLoopbackCertificate(createSystemClock().now());
  writeFileSync(join(folder, 'ca.pem'), tls.certificatePem);
  writeFileSync(join(folder, 'target.pem'), target.caPem);
  gateway = await startGateway({
    target,
    credential: { username: target.user, password: target.password },
    options: { sslMode: 'verify-full', caFile: join(folder, 'target.pem') },
    listener: { tls },
  });
});
after(async () => {
  await gateway.stop();
  await target.stop();
  rmSync(folder, { recursive: true });
});

function psql(connection: string, sql: string): Promise<{ out: string; err: string }> {
  return new Promise((resolve) => {
    const child = spawn(
      'psql',
      ['-X', '-At', '-c', sql, `host=127.0.0.1 port=${gateway.port} user=${USER} dbname=main ${connection}`],
      { env: { ...process.env, PGPASSWORD: TOKEN } },
    );
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('close', () => resolve({ out, err }));
  });
}

const SSL = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()';

describe('a session that is ended right behind a notice', () => {
  it('still hears why', async () => {
    const client = libraryClient(
      { host: '127.0.0.1', port: gateway.port },
      { ssl: { ca: readFileSync(join(folder, 'ca.pem'), 'utf8'), servername: 'localhost' } },
    );
    const notices: string[] = [];
    client.on('notice', ({ message }) => notices.push(message ?? ''));
    await client.connect();
    const session = gateway.sessions.at(-1)!;
    gateway.decide = (input) =>
      new Promise(() => {
        setImmediate(() => {
          input.notify?.('a person must decide');
          session.end();
        });
      });
    try {
      await assert.rejects(client.query('select 1'), /killed by the test/);
      assert.deepEqual(notices, ['a person must decide']);
    } finally {
      gateway.decide = () => 'allow';
      await client.end().catch(() => undefined);
    }
  });
});

describe('TLS on both sides', { skip: lacking('psql') }, () => {
  it('psql with verify-full and channel binding required; the target is reached by TLS, too', async () => {
    const ran = await psql(
      `sslmode=verify-full sslrootcert=${join(folder, 'ca.pem')} channel_binding=require`,
      SSL,
    );
    assert.equal(ran.err, '');
    assert.equal(ran.out, 't\n');
    const seen = gateway.sessions.at(-1)!;
    assert.equal(seen.opening.authentication, 'scram-sha-256-plus');
    assert.equal(seen.opening.tls, true);
  });

  it('psql with sslmode=require, and without', async () => {
    assert.equal((await psql('sslmode=require', SSL)).out, 't\n');
    assert.equal((await psql('sslmode=disable', SSL)).out, 't\n');
    assert.equal(gateway.sessions.at(-1)!.opening.tls, false);
  });

  it('direct TLS with ALPN', async () => {
    const { readFileSync } = await import('node:fs');
    const client = await rawLogin(gateway, { direct: { ca: readFileSync(join(folder, 'ca.pem'), 'utf8') } });
    assert.equal(gateway.sessions.at(-1)!.opening.tls, true);
    client.socket.destroy();
  });

  it('data put before the TLS handshake is refused', async () => {
    const socket = connect(gateway.port, gateway.host);
    let closed = false;
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('close', () => {
      closed = true;
    });
    socket.write(Buffer.concat([requestCode(80877103), startup(0x30000, new Map([['user', USER]]))]));
    await until('it is closed', () => closed);
    assert.match(received, /data came before/);
  });

  it('a GSSAPI request is declined, and the login goes on', async () => {
    const socket = connect(gateway.port, gateway.host);
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
    });
    socket.write(requestCode(80877104));
    await until('it is declined', () => received.toString() === 'N');
    socket.write(startup(0x30000, new Map([['user', USER]])));
    await until('it asks for SASL', () => received.length > 10);
    assert.equal(received[1], 'R'.charCodeAt(0));
    socket.destroy();
  });

  it('kills over TLS: client closed, backend gone', async () => {
    const client = libraryClient(gateway, { ssl: { rejectUnauthorized: false } });
    await client.connect();
    const seen = gateway.sessions.at(-1)!;
    const ended = client.query('select pg_sleep(64)').then(
      () => 'it ran',
      (error: Error) => error.message,
    );
    await until('it was sent', () => seen.requests.length === 1);
    seen.end('lockout');
    assert.match(await ended, /killed by the test|terminated/);
    const pid = seen.opening.targetSession!.split('@')[0]!;
    await until(
      'the backend is gone',
      async () =>
        (await psql('sslmode=require', `select 1 from pg_stat_activity where pid = ${pid}`)).out === '',
    );
    assert.deepEqual(
      seen.closes.map(({ reason }) => reason),
      ['lockout'],
    );
  });
});

describe('a target', () => {
  const attempt = async (config: Parameters<typeof startGateway>[0]): Promise<string> => {
    const own = await startGateway(config);
    const client = libraryClient(own);
    const result = await client.connect().then(
      () => 'connected',
      (error: pg.DatabaseError) => `${error.code} ${error.message}`,
    );
    await client.end().catch(() => {});
    await own.stop();
    return result;
  };
  const credential = (): { username: string; password: string } => ({
    username: target.user,
    password: target.password,
  });

  it('with a certificate of nobody known is refused', async () => {
    assert.match(
      await attempt({ target, credential: credential(), options: { sslMode: 'verify-full' } }),
      /^08001 TLS to the target of connection "main" failed: .*self-signed/,
    );
    assert.equal(
      await attempt({ target, credential: credential(), options: { sslMode: 'require' } }),
      'connected',
    );
  });

  it('that is down, silent or refuses the credential is named, without the credential', async () => {
    assert.match(
      await attempt({ target: { host: '127.0.0.1', port: 1 }, credential: credential() }),
      /^08001 the target of connection "main" cannot be reached: .*ECONNREFUSED/,
    );
    const { createServer } = await import('node:net');
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const { port } = silent.address() as { port: number };
    assert.match(
      await attempt({
        target: { host: '127.0.0.1', port },
        credential: credential(),
        options: { connectTimeoutMs: 50 },
      }),
      /^08004 .*no answer within 50 ms/,
    );
    silent.close();
    const refused = await attempt({
      target,
      credential: { username: target.user, password: 'wrong-secret' },
    });
    assert.match(
      refused,
      /^08004 the target of connection "main" refused the login: password authentication failed/,
    );
    assert.doesNotMatch(refused, /wrong-secret/);
  });

  it('loses what an earlier gateway left running, by pid and start', async () => {
    const client = new pg.Client({ ...target, database: 'postgres' });
    let lost = false;
    client.on('error', () => {
      lost = true;
    });
    await client.connect();
    const { rows } = await client.query(
      'select pid, extract(epoch from backend_start)::text as start from pg_stat_activity where pid = pg_backend_pid()',
    );
    const { pid, start } = rows[0] as { pid: number; start: string };
    const connection = gateway.deps.connection('main')!;
    await postgresProtocol.endLeftover(gateway.deps, connection, `${pid}@1.5`);
    await postgresProtocol.endLeftover(gateway.deps, connection, "1@1' or true");
    assert.deepEqual((await client.query('select 1 as a')).rows, [{ a: 1 }]);
    await postgresProtocol.endLeftover(gateway.deps, connection, `${pid}@${start}`);
    await until('it is gone', () => lost);
    await postgresProtocol.endLeftover(gateway.deps, connection, `${pid}@${start}`);
  });
});
