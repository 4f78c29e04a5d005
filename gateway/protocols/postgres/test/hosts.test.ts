import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { generate } from 'selfsigned';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import type { TargetSessionAttrs } from '../options.ts';
import { postgresProtocol } from '../protocol.ts';
import { parseTargetSession } from '../target/target-session.ts';
import { libraryClient, startGateway, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';

async function ask(gateway: TestGateway, sql: string): Promise<unknown> {
  const connection = libraryClient(gateway);
  await connection.connect();
  try {
    return Object.values((await connection.query<Record<string, unknown>>(sql)).rows[0]!)[0];
  } finally {
    await connection.end();
  }
}

describe('several servers of one connection', () => {
  let primary: TestPostgres;
  let standby: TestPostgres;
  let readOnly: TestPostgres;
  const gateways: TestGateway[] = [];
  before(async () => {
    [primary, standby, readOnly] = await Promise.all([
      startPostgres(),
      startPostgres(),
      startPostgres({ default_transaction_read_only: 'on' }),
    ]);
    // A real standby, if one without a primary: it waits for WAL that never comes.
    const signal = join(dirname(standby.logFile), 'data', 'standby.signal');
    writeFileSync(signal, '');
    chmodSync(signal, 0o644);
    await standby.restart();
  });
  after(async () => {
    for (const gateway of gateways) await gateway.stop();
    await Promise.all([primary.stop(), standby.stop(), readOnly.stop()]);
  });

  const NOBODY = { host: '127.0.0.1', port: 1 };
  const through = async (
    [first, ...hosts]: readonly { readonly host: string; readonly port: number }[],
    targetSessionAttrs: TargetSessionAttrs,
    password = primary.password,
  ): Promise<TestGateway> => {
    const gateway = await startGateway({
      target: first!,
      credential: { username: primary.user, password },
      options: { hosts: hosts.map(({ host, port }) => ({ host, port })), targetSessionAttrs },
    });
    gateways.push(gateway);
    return gateway;
  };
  const portOf = async (gateway: TestGateway): Promise<number> =>
    Number(await ask(gateway, "select current_setting('port')"));

  it('goes to the next where one is away', async () => {
    const gateway = await through([NOBODY, primary], 'any');
    assert.equal(await portOf(gateway), primary.port);
    const { target } = gateway.sessions[0]!.opening;
    assert.deepEqual([target.host, target.port], [primary.host, primary.port]);
  });

  it('goes to what is asked for', async () => {
    const all = [standby, readOnly, primary];
    const cases: readonly (readonly [TargetSessionAttrs, TestPostgres])[] = [
      ['any', standby],
      ['standby', standby],
      ['read-only', standby],
      ['primary', readOnly],
      ['read-write', primary],
    ];
    for (const [attrs, expected] of cases)
      assert.equal(await portOf(await through(all, attrs)), expected.port, attrs);
    assert.equal(await portOf(await through([primary, standby], 'prefer-standby')), standby.port);
    assert.equal(await portOf(await through([primary, readOnly], 'prefer-standby')), primary.port);
  });

  it('says so where none is', async () => {
    const gateway = await through([standby, readOnly, NOBODY], 'read-write');
    await assert.rejects(libraryClient(gateway).connect(), { code: '08001' });
    assert.equal(gateway.refusals[0]!.code, 'POSTGRES_TARGET_UNSUITABLE');
    const away = await through([NOBODY, NOBODY], 'any');
    await assert.rejects(libraryClient(away).connect(), { code: '08001' });
    assert.equal(away.refusals[0]!.code, 'POSTGRES_TARGET_UNREACHABLE');
  });

  it('tries a refused credential nowhere else', async () => {
    const gateway = await through([primary, readOnly], 'any', 'wrong');
    await assert.rejects(libraryClient(gateway).connect());
    assert.equal(gateway.refusals[0]!.code, 'POSTGRES_TARGET_LOGIN_FAILED');
  });

  it('cancels, ends and finds left-overs where the session is', async () => {
    const gateway = await through([standby, primary], 'read-write');
    const running = (marker: string): Promise<boolean> =>
      readBackends().then((queries) => queries.some((query) => query.includes(marker)));
    const watcher = new pg.Client({ ...primary, database: 'postgres' });
    await watcher.connect();
    const readBackends = async (): Promise<string[]> =>
      (
        await watcher.query<{ query: string }>(
          "select query from pg_stat_activity where pid <> pg_backend_pid() and state = 'active'",
        )
      ).rows.map(({ query }) => query);
    try {
      const killed = libraryClient(gateway);
      killed.on('error', () => undefined);
      await killed.connect();
      const gone = killed.query("select pg_sleep(600), 'killed'").catch((error: Error) => error);
      await until('it runs', () => running("'killed'"));
      gateway.sessions.at(-1)!.end();
      await until('its backend has gone', async () => !(await running("'killed'")));
      assert.ok((await gone) instanceof Error);

      const left = libraryClient(gateway);
      left.on('error', () => undefined);
      await left.connect();
      const cut = left.query("select pg_sleep(600), 'left'").catch((error: Error) => error);
      await until('it runs', () => running("'left'"));
      const { targetSession } = gateway.sessions.at(-1)!.opening;
      assert.match(targetSession!, new RegExp(`@127\\.0\\.0\\.1:${primary.port}$`));
      await postgresProtocol.endLeftover(gateway.deps, gateway.deps.connection('main')!, targetSession!);
      await until('its backend has gone', async () => !(await running("'left'")));
      assert.ok((await cut) instanceof Error);
    } finally {
      await watcher.end();
    }
  });

  it('reads no address out of an event that the connection does not name', () => {
    const addresses = [
      { host: 'db1', port: 5432 },
      { host: 'db2', port: 5433 },
    ];
    const server = (text: string): string | undefined => parseTargetSession(text, addresses)?.host;
    assert.equal(server('7@170.5'), 'db1');
    assert.equal(server('7@170.5@db2:5433'), 'db2');
    for (const text of ['7@170.5@db2:5432', '7@170.5@evil:5432', '7;@1', "7@1'@db1:5432", '7@170.5@db1'])
      assert.equal(server(text), undefined, text);
  });
});

describe('a target that asks for a certificate', () => {
  let target: TestPostgres;
  let folder: string;
  let own: { cert: string; private: string };
  let other: { cert: string; private: string };
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-client-certificate-'));
    chmodSync(folder, 0o755);
    const make = (): Promise<{ cert: string; private: string }> =>
      generate([{ name: 'commonName', value: 'postgres' }], {
        keyType: 'ec',
        algorithm: 'sha256',
        extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
      });
    own = await make();
    other = await make();
    writeFileSync(join(folder, 'clients.pem'), own.cert);
    writeFileSync(join(folder, 'hba.conf'), 'hostssl all all 127.0.0.1/32 cert\n');
    target = await startPostgres({
      ssl_ca_file: join(folder, 'clients.pem'),
      hba_file: join(folder, 'hba.conf'),
    });
  });
  after(async () => {
    await target.stop();
    rmSync(folder, { recursive: true });
  });
  const through = (
    certificate: { cert: string; private: string },
    key = certificate.private,
  ): Promise<TestGateway> =>
    startGateway({
      target,
      credential: { username: 'postgres', clientCertificate: certificate.cert, clientKey: key },
      options: { sslMode: 'verify-full', caPem: target.caPem },
    });

  it('gets the one from the vault', async () => {
    const gateway = await through(own);
    assert.match(
      String(await ask(gateway, 'select client_dn from pg_stat_ssl where pid = pg_backend_pid()')),
      /CN=postgres/,
    );
    await gateway.stop();
  });

  it('refuses another, and a key that does not fit is said', async () => {
    for (const [gateway, code] of [
      [await through(other), 'POSTGRES_TARGET_LOGIN_FAILED'],
      [await through(own, other.private), 'POSTGRES_TARGET_TLS_FAILED'],
    ] as const) {
      await assert.rejects(libraryClient(gateway).connect());
      assert.match(gateway.refusals[0]!.code, /^POSTGRES_TARGET_(LOGIN|TLS)_FAILED$/);
      if (code === 'POSTGRES_TARGET_TLS_FAILED') assert.equal(gateway.refusals[0]!.code, code);
      await gateway.stop();
    }
  });

  it('and that asks for a password as well, which the credential lacks', async () => {
    writeFileSync(
      join(folder, 'hba.conf'),
      'hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n',
    );
    await target.restart();
    const alone = await through(own);
    await assert.rejects(libraryClient(alone).connect(), /certificate alone/);
    await alone.stop();
    const both = await startGateway({
      target,
      credential: {
        username: 'postgres',
        clientCertificate: own.cert,
        clientKey: own.private,
        password: target.password,
      },
      options: { sslMode: 'verify-full', caPem: target.caPem },
    });
    assert.equal(await ask(both, 'select 7'), 7);
    await both.stop();
  });
});
