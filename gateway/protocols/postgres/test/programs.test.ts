import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { TOKEN, USER } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { gateway, psql, type Ran } from './running.ts';

describe('pgbench', { skip: lacking('pgbench') }, () => {
  it('runs in every mode, and each transaction is one request with one response', async () => {
    const bench = (args: string[]): Promise<Ran> =>
      new Promise((resolve) => {
        const child = spawn(
          'pgbench',
          ['-h', gateway.host, '-p', String(gateway.port), '-U', USER, ...args, 'main'],
          { env: { ...process.env, PGPASSWORD: TOKEN } },
        );
        let out = '';
        let err = '';
        child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
        child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
        child.on('close', (code) => resolve({ code, out, err }));
      });
    assert.equal((await bench(['-i', '-s', '1', '-q'])).code, 0);
    for (const mode of ['simple', 'extended', 'prepared']) {
      const from = gateway.sessions.length;
      const ran = await bench(['-S', '-n', '-c', '4', '-t', '50', '-M', mode]);
      assert.match(ran.out, /processed: 200\/200/);
      const sessions = gateway.sessions.slice(from);
      await until('all are closed', () => sessions.every(({ closes }) => closes.length === 1));
      const selects = sessions
        .flatMap(({ requests }) => requests)
        // What is prepared once per session is a request of its own.
        .filter(({ input }) => input.verb !== 'parse' && input.text.startsWith('SELECT abalance'));
      assert.equal(selects.length, 200);
      for (const { responses } of selects)
        assert.deepEqual(
          responses.map(({ status, rows }) => [status, rows]),
          [['ok', 1]],
        );
    }
  });
});

describe('psql', { skip: lacking('psql') }, () => {
  it('copies out and in, and \\copy', async () => {
    const ran = await psql(
      ['-v', 'ON_ERROR_STOP=1', '-At'],
      [
        'create table copied (i int, t text);',
        'copy copied from stdin;\n1\tone\n2\ttwo\n\\.\n',
        '\\copy copied from program \'printf "3\\tthree\\n"\'',
        'copy (select * from copied order by i) to stdout;',
        '\\copy (select count(*) from copied) to stdout',
        "select 'after';",
      ].join('\n'),
    );
    assert.equal(ran.err, '');
    assert.match(ran.out, /1\tone\n2\ttwo\n3\tthree\n3\nafter/);
    const seen = gateway.sessions.at(-1)!;
    await until('closed', () => seen.closes.length > 0);
    assert.deepEqual(
      seen.requests.map(({ responses }) => responses[0]?.tag),
      ['CREATE TABLE', 'COPY 2', 'COPY 1', 'COPY 3', 'COPY 1', 'SELECT 1'],
    );
  });

  it('shows \\d, \\l, \\du unchanged', async () => {
    const ran = await psql([
      '-v',
      'ON_ERROR_STOP=1',
      '-c',
      '\\d',
      '-c',
      '\\dt',
      '-c',
      '\\du',
      '-c',
      '\\conninfo',
    ]);
    assert.equal(ran.err, '');
    assert.equal(ran.code, 0);
  });

  it('says why a login fails', async () => {
    const unknown = await psql(['-c', 'select 1'], '', 'nowhere');
    assert.match(unknown.err, /FATAL: {2}there is no PostgreSQL connection named "nowhere"/);
    assert.match(unknown.err, /POSTGRES_CONNECTION_UNKNOWN/);
    const locked = await psql(['-c', 'select 1'], '', 'locked');
    assert.match(locked.err, /locked out: test/);
    const refused = await psql(['-c', 'select 1'], '', 'refused');
    assert.match(refused.err, /locked out: at open/);
    const missing = await psql(['-c', 'select 1'], '', 'main/nodb');
    assert.match(missing.err, /refused the login: database "nodb" does not exist/);
  });
});
