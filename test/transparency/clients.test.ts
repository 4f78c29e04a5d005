/** Clients as people have them, unchanged, direct and through the gateway. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { createSystemClock } from '../../platform/clock/system-clock.ts';
import { lacking } from '../servers/available.ts';
import { startPair, type Pair } from './support/pair.ts';
import type { Endpoint } from './support/raw-session.ts';

/** A client that hangs must not hang the suite. */
const RUN_MS_MAX = 120_000;

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly error: string;
}

function run(
  program: string,
  endpoint: Endpoint,
  words: readonly string[],
  input = '',
  /** Ended once it has printed this. */
  enough?: RegExp,
): Promise<Ran> {
  const { host, port, user, password, database } = endpoint;
  // setsid: without a terminal psql reads passwords from its input.
  const all = ['-w', program, '-h', host, '-p', String(port), '-U', user, ...words, database];
  const child = spawn('setsid', all, {
    env: {
      PATH: process.env['PATH'] ?? '',
      PGPASSWORD: password,
      PGSSLMODE: 'disable',
      TZ: 'UTC',
      HOME: tmpdir(),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let out = '';
  let error = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (enough?.test(out) === true) child.kill('SIGKILL');
  });
  child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const patience = createSystemClock().after(RUN_MS_MAX, () => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => patience.cancel());
    child.once('close', (status) => resolve({ status, out, error }));
  });
}

const META: readonly string[] = [
  '\\d',
  '\\d+',
  '\\d+ customers',
  '\\d orders_pkey',
  '\\dt+ customers',
  '\\di',
  '\\ds',
  '\\dv pg_catalog.pg_tables',
  '\\dn',
  '\\du',
  '\\df pg_catalog.abs',
  '\\df+ pg_catalog.int4pl',
  '\\dT pg_catalog.int4',
  '\\dp customers',
  '\\dx',
  '\\dd',
  '\\do pg_catalog.||',
  '\\sf pg_catalog.abs(integer)',
  '\\encoding',
  '\\l shop',
  'select id, name from customers order by id limit 2 \\gx',
  "select 1 as a, 'x' as b \\gset\n\\echo :a :b",
  "select format('select %s', n) from generate_series(1, 3) n \\gexec",
  'select 1 / 0;\n\\errverbose',
  "select 'a' as r, 'b' as c, 1 as v \\crosstabview",
  'select 1 \\gdesc',
  '\\set FETCH_COUNT 10\nselect n from generate_series(1, 35) n;\n\\unset FETCH_COUNT',
  '\\set ON_ERROR_ROLLBACK on\nbegin;\nselect 1 / 0;\nselect 2;\ncommit;\n\\unset ON_ERROR_ROLLBACK',
  "\\copy (select n, 'v' || n from generate_series(1, 5) n) to stdout",
  '\\copy (select n from generate_series(1, 5) n) to stdout csv header',
  'create temp table c (n int, v text);\n\\copy c from stdin\n1\tone\n2\ttwo\n\\.\nselect * from c;',
  'copy c to stdout;',
  "do $$ begin raise notice 'heard'; end $$;",
  'listen l; notify l;',
  'show server_version;',
  '\\pset format csv\nselect 1, null;\n\\pset format aligned',
  'begin; select lo_creat(-1) > 0; rollback;',
  '\\dl',
  'start transaction; declare k cursor for select 1; fetch k; rollback;',
];

describe('clients', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair();
  });
  after(() => pair.stop());

  describe('psql', { skip: lacking('psql') }, () => {
    it('prints the same for its meta-commands', async () => {
      for (const endpoint of [pair.direct])
        assert.equal((await run('psql', endpoint, ['-X', '-c', 'select 1'])).status, 0);
      // One psql for all: what a command leaves behind is part of the comparison; then each is named by its mark.
      const script = META.map((command, index) => `\\echo [${index}]\n${command}\n`).join('');
      const direct = await run('psql', pair.direct, ['-X', '-a', '-f', '-'], script);
      const through = await run('psql', pair.through, ['-X', '-a', '-f', '-'], script);
      const parts = (text: string): string[] => text.split(/^\[\d+\]$/m);
      assert.equal(parts(direct.out).length, META.length + 1);
      parts(direct.out).forEach((part, index) =>
        assert.equal(withoutPids(parts(through.out)[index]!), withoutPids(part), META[index - 1]),
      );
      assert.equal(withoutPids(through.error), withoutPids(direct.error));
      assert.equal(through.status, direct.status);
    });

    it('\\watch goes on until it is stopped', async () => {
      const again = /(watched[^]*){3}/;
      const ran = await run('psql', pair.through, ['-X'], "select 'watched' \\watch 0.05\n", again);
      assert.match(ran.out, again);
    });

    it('\\copy carries a file both ways', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'countersign-copy-'));
      const script = (name: string): string =>
        `\\copy customers to '${folder}/${name}' csv\ncreate temp table again (like customers);\n\\copy again from '${folder}/${name}' csv\nselect count(*), md5(string_agg(again::text, ',' order by id)) from again;\n`;
      const direct = await run('psql', pair.direct, ['-X', '-f', '-'], script('direct'));
      const through = await run('psql', pair.through, ['-X', '-f', '-'], script('through'));
      assert.equal(through.out, direct.out);
      assert.match(direct.out, /COPY 5000/);
      assert.equal(readFileSync(`${folder}/through`, 'utf8'), readFileSync(`${folder}/direct`, 'utf8'));
      rmSync(folder, { recursive: true });
    });

    it('\\password is refused with the reason where policy says so, and the secret is nowhere', async () => {
      const { gateway } = pair;
      const seen = gateway.sessions.length;
      gateway.decide = ({ text }) => (/password/i.test(text) ? 'deny' : 'allow');
      const ran = await run(
        'psql',
        pair.through,
        ['-X'],
        '\\password\nnew-secret-word\nnew-secret-word\nselect 5 as still;\n',
      );
      gateway.decide = () => 'allow';
      assert.match(ran.error, /denied by policy: the test says so/);
      assert.match(ran.out, /still/);
      const requests = gateway.sessions.slice(seen).flatMap((session) => session.requests);
      const denied = requests.find(({ outcome }) => outcome === 'deny');
      assert.ok(denied !== undefined && !denied.input.text.includes('SCRAM-SHA-256$'));
    });
  });

  describe('pgbench', { skip: lacking('pgbench') }, () => {
    it('initialises, and runs every mode and script without a failure', async () => {
      const init = await run('pgbench', pair.through, ['-i', '-q', '-s', '1']);
      assert.equal(init.status, 0, init.error);
      for (const mode of ['simple', 'extended', 'prepared']) {
        for (const script of ['tpcb-like', 'simple-update', 'select-only']) {
          const ran = await run('pgbench', pair.through, [
            '-n',
            '-M',
            mode,
            '-b',
            script,
            '-c',
            '4',
            '-t',
            '25',
          ]);
          assert.equal(ran.status, 0, `${mode} ${script}: ${ran.error}`);
          assert.match(ran.out, /number of transactions actually processed: 100\/100/);
        }
      }
      const folder = mkdtempSync(join(tmpdir(), 'countersign-pgbench-'));
      const file = join(folder, 'script');
      writeFileSync(file, '\\startpipeline\nselect 1;\nselect 2;\n\\endpipeline\n');
      const words = ['-n', '-M', 'extended', '-c', '2', '-t', '10', '-f', file];
      const pipelined = await run('pgbench', pair.through, words);
      rmSync(folder, { recursive: true });
      assert.equal(pipelined.status, 0, pipelined.error);
    });
  });

  describe('node-postgres', () => {
    it('gets the same from queries, parameters, named statements, errors and notifications', async () => {
      const direct = await talk(pair.direct);
      assert.deepEqual(await talk(pair.through), direct);
      assert.ok(direct.length > 8);
    });
  });
});

const withoutPids = (text: string): string => text.replaceAll(/PID \d+/g, 'PID ?');

async function talk(endpoint: Endpoint): Promise<unknown[]> {
  const client = new pg.Client(endpoint);
  const heard: unknown[] = [];
  client.on('notice', (notice) => heard.push(notice.message));
  client.on('notification', ({ channel, payload }) => heard.push([channel, payload]));
  await client.connect();
  const ask = async (config: pg.QueryConfig | string): Promise<void> => {
    try {
      const { command, rowCount, rows, fields } = await client.query(config);
      heard.push([command, rowCount, rows, fields?.map(({ name, dataTypeID }) => [name, dataTypeID])]);
    } catch (error) {
      const { code, message, severity, position } = error as pg.DatabaseError;
      heard.push([code, message, severity, position]);
    }
  };
  await ask('select 1 as one, null as nothing, now() > $$2020-01-01$$ as later');
  await ask({ text: 'select * from customers where id = any ($1) order by id', values: [[1, 2, 3]] });
  for (const id of [1, 2])
    await ask({ name: 'by-id', text: 'select name, city from customers where id = $1', values: [id] });
  await ask({ text: 'select id from orders order by id limit 5', rowMode: 'array' } as pg.QueryConfig);
  await ask('select * from nowhere');
  await ask({ text: 'select $1::int', values: ['x'] });
  await ask('begin');
  await ask("insert into audit_log (what) values ('never') returning what");
  await ask('rollback');
  await ask("do $$ begin raise notice 'a notice'; end $$");
  await ask('listen there');
  await ask("notify there, 'payload'");
  await ask({
    text: 'select $1::jsonb as document, $2::bytea as bytes',
    values: [{ a: [1] }, Buffer.from([0, 255])],
  });
  await client.end();
  return heard;
}
