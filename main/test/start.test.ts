/** `npm start` as a process: what it prints, that Ctrl-C leaves nothing behind, and that a second start takes up the same data. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { cleanEnvironment, PATIENCE, start, type Ended } from '../../cli/test/support.ts';
import { until } from '../../test/support/until.ts';

const PROGRAM = new URL('../start.ts', import.meta.url).pathname;
const LINES_MAX = 40;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

describe('npm start', { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-start-'));
  // As root the server runs as another user, who must get to its files.
  chmodSync(folder, 0o755);
  const environment = {
    COUNTERSIGN_DATA_FOLDER: join(folder, 'data'),
    COUNTERSIGN_CONTROL_API__PORT: '0',
  };
  after(() => rmSync(folder, { recursive: true, force: true }));

  const begin = async () => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM], {
      env: { ...cleanEnvironment(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    let over = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    const ended = new Promise<Ended>((resolve) =>
      child.once('close', (code) => {
        over = true;
        resolve({ code, out, err });
      }),
    );
    await until(
      'npm start has started everything',
      () => {
        assert.ok(!over, `it ended: ${out}${err}`);
        return out.includes('Ctrl-C ends everything.');
      },
      PATIENCE,
    );
    const [pidFile] = globSync(join(folder, '**/postmaster.pid'));
    assert.ok(pidFile !== undefined, 'a PostgreSQL server runs');
    const server = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
    assert.ok(isAlive(server));
    return { child, ended, server };
  };
  const sql = (text: string, more: Record<string, string> = {}): Promise<Ended> =>
    start(['sql', 'sample', '--subject', 'you', '-c', text], { environment: { ...environment, ...more } })
      .ended;

  let token = '';
  it('prints what runs in under 40 lines, serves, and Ctrl-C ends all of it', async () => {
    const { child, ended, server } = await begin();
    assert.equal((await sql('create table kept as select 42 as answer')).code, 0);
    child.kill('SIGINT');
    const { code, out, err } = await ended;
    assert.deepEqual([code, err], [0, '']);
    assert.ok(out.split('\n').length < LINES_MAX, out);
    assert.match(out, /psql "host=127\.0\.0\.1 port=\d+ user=you#\S+ dbname=sample/);
    assert.match(out, /countersign sql sample/);
    assert.match(out, /exercise run impersonation/);
    token = /PGPASSWORD=(\S+)/.exec(out)![1]!;
    assert.ok(!isAlive(server), 'PostgreSQL has ended too');
  });

  it('takes up the same data: target, identities, tokens, events', async () => {
    const { child, ended, server } = await begin();
    const { code, out, err } = await sql('select answer from kept', { COUNTERSIGN_TOKEN: token });
    assert.deepEqual([code, out], [0, 'answer\n42\n(1 row)\n'], err);
    const found = await start(['event', 'search', '--text', 'create table kept'], { environment }).ended;
    assert.match(found.out, /allow\s+create table kept/);
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
    assert.ok(!isAlive(server));
  });
});
