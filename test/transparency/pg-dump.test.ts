/** pg_dump, and psql that reads its dump, with a server of the same age: direct and through the gateway. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it, type TestContext } from 'node:test';
import { createAnalyser } from '../../gateway/protocols/postgres/analysis/create-analyser.ts';
import {
  startGateway,
  TOKEN,
  USER,
  type TestGateway,
} from '../../gateway/protocols/postgres/test/gateway.ts';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { lacking } from '../servers/available.ts';
import { debianPostgres, startDebianPostgres, type DebianPostgres } from '../servers/debian-postgres.ts';
import type { Endpoint } from './support/raw-session.ts';

/** A client that hangs must not hang the suite. */
const RUN_MS_MAX = 120_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

const CONTENT = `
create schema stock;
create type stock.colour as enum ('red', 'green');
create table stock.part (id int primary key generated always as identity, name text not null unique, colour stock.colour, spec jsonb, raw bytea);
create table stock.move (id bigserial primary key, part int references stock.part on delete cascade, n int check (n <> 0), at timestamptz default now());
create index on stock.move (part, at desc);
create view stock.level as select part, sum(n) as level from stock.move group by part;
create materialized view stock.names as select name from stock.part;
create function stock.twice(n int) returns int language sql immutable as 'select n * 2';
create function stock.stamp() returns trigger language plpgsql as $$ begin new.at := now(); return new; end $$;
create trigger stamp before update on stock.move for each row execute function stock.stamp();
alter table stock.move enable row level security;
create policy own on stock.move using (n > 0);
comment on table stock.part is 'What''s in "stock"; with a
line break';
insert into stock.part (name, colour, spec, raw) select 'part ' || n || E'\\t\\\\', 'red', jsonb_build_object('n', n), decode(md5(n::text), 'hex') from generate_series(1, 2000) n;
insert into stock.move (part, n, at) select 1 + n % 2000, 1 + n % 7, timestamptz '2026-01-01' + n * interval '1 minute' from generate_series(1, 5000) n;
select lo_from_bytea(4711, decode(repeat('ab', 10000), 'hex'));
`;

interface Ran {
  readonly out: string;
  readonly error: string;
}

function run(program: string, endpoint: Endpoint, words: readonly string[], input = ''): Promise<Ran> {
  const { host, port, user, password, database } = endpoint;
  const all = ['-h', host, '-p', String(port), '-U', user, '-d', database, ...words];
  const environment = {
    PATH: process.env['PATH'] ?? '',
    PGPASSWORD: password,
    PGSSLMODE: 'disable',
    TZ: 'UTC',
  };
  return new Promise((resolve) => {
    const child = execFile(
      program,
      all,
      { env: environment, timeout: RUN_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX },
      (_error, out, error) => resolve({ out, error }),
    );
    child.stdin!.on('error', () => undefined);
    child.stdin!.end(input);
  });
}

/** Newer ones put a random word against what a dump could smuggle into psql. */
const withoutKey = (dump: string): string => dump.replaceAll(/^\\(un)?restrict .*$/gm, '\\$1restrict ?');

describe('pg_dump', { skip: lacking('pg_dump', 'psql') }, () => {
  let server: DebianPostgres | undefined;
  let gateway: TestGateway | undefined;
  let direct: Endpoint;
  let through: Endpoint;
  before(async () => {
    const bin = debianPostgres();
    if (bin === undefined) return;
    server = await startDebianPostgres(bin);
    const { host, port, user, password } = server;
    direct = { host, port, user, password, database: 'postgres' };
    gateway = await startGateway({
      target: server,
      credential: { username: user, password },
      analyser: await createAnalyser({ clock: createSystemClock(), hmac: () => Buffer.alloc(32) }),
      options: { sslMode: 'disable', anyDatabase: true, clientCheckIntervalMs: 0 },
    });
    gateway.keepRecording = false;
    through = { host: gateway.host, port: gateway.port, user: USER, password: TOKEN, database: 'main' };
    const made = await run('psql', direct, ['-X', '-q', '-v', 'ON_ERROR_STOP=1'], CONTENT);
    assert.equal(made.error, '');
  });
  after(async () => {
    await gateway?.stop();
    await server?.stop();
  });
  const lacksServer = (context: TestContext): boolean => {
    if (server !== undefined) return false;
    assert.equal(
      process.env['CI'],
      undefined,
      "CI is set, and there is no server as old as Debian's pg_dump",
    );
    context.skip("there is no server as old as Debian's pg_dump");
    return true;
  };

  it('writes the same, in every form that is text', async (context) => {
    if (lacksServer(context)) return;
    for (const words of [
      [],
      ['--schema-only', '--create'],
      ['--inserts', '-n', 'stock'],
      ['--data-only', '-b'],
    ]) {
      const dumped = await run('pg_dump', direct, words);
      assert.equal(dumped.error, '');
      assert.ok(dumped.out.length > 1000);
      const again = await run('pg_dump', through, words);
      assert.equal(again.error, '');
      assert.equal(withoutKey(again.out), withoutKey(dumped.out), words.join(' '));
    }
  });

  it('dumps in parallel, and pg_restore reads it back through the gateway', async (context) => {
    if (lacksServer(context)) return;
    const folder = `${(await import('node:os')).tmpdir()}/countersign-dump-${process.pid}`;
    const { rmSync } = await import('node:fs');
    try {
      const dumped = await run('pg_dump', through, ['-Fd', '-j', '3', '-f', folder]);
      assert.equal(dumped.error, '');
      await run('psql', direct, ['-X', '-q', '-c', 'create database copied']);
      const copied = { ...through, database: 'main/copied' };
      const restored = await run('pg_restore', copied, ['-j', '2', '--exit-on-error', folder]);
      assert.equal(restored.error, '');
      const first = await run('pg_dump', direct, ['-n', 'stock']);
      const second = await run('pg_dump', { ...direct, database: 'copied' }, ['-n', 'stock']);
      assert.equal(withoutKey(second.out), withoutKey(first.out));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('writes a dump that psql reads through the gateway', async (context) => {
    if (lacksServer(context)) return;
    const dump = await run('pg_dump', direct, ['-n', 'stock']);
    await run('psql', direct, ['-X', '-q', '-c', 'create database read']);
    const read = await run(
      'psql',
      { ...through, database: 'main/read' },
      ['-X', '-q', '-v', 'ON_ERROR_STOP=1'],
      dump.out,
    );
    assert.equal(read.error, '');
    const again = await run('pg_dump', { ...direct, database: 'read' }, ['-n', 'stock']);
    assert.equal(withoutKey(again.out), withoutKey(dump.out));
  });
});
