import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isCountersignError } from '../../../platform/errors/errors.ts';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { startPostgresServer, type PostgresServer } from '../postgres-server.ts';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('sample target: a server that outlived its starter', () => {
  let folder: string;
  let starter: ChildProcess;
  let leftover: number;
  let server: PostgresServer | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'countersign-test-leftover-'));
    chmodSync(folder, 0o755);
    starter = spawn(process.execPath, [join(import.meta.dirname, 'server-child.ts'), folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = (await starter.stdout!.setEncoding('utf8').take(1).toArray()) as string[];
    leftover = Number(line);
    assert.ok(isAlive(leftover));
  });
  after(async () => {
    starter.kill('SIGKILL');
    await server?.stop('immediate');
    if (isAlive(leftover)) process.kill(leftover, 'SIGQUIT');
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  const start = (): Promise<PostgresServer> =>
    startPostgresServer(createSystemClock(), {
      folder,
      port: 0,
      superuser: { name: 'postgres', password: 'of-a-test' },
    });

  it('is left alone while its starter lives', async () => {
    await assert.rejects(start(), (error) => isCountersignError(error, 'SAMPLE_TARGET_FAILED'));
    assert.ok(isAlive(leftover));
    assert.equal(readFileSync(join(folder, 'starter.pid'), 'utf8'), String(starter.pid));
  });

  it('is ended when its starter is gone, and the data is taken up', async () => {
    const gone = new Promise((done) => starter.once('exit', done));
    starter.kill('SIGKILL');
    await gone;
    assert.ok(isAlive(leftover));
    server = await start();
    assert.ok(!isAlive(leftover));
    assert.match(
      readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8'),
      new RegExp(`^${server.pid}\n`),
    );
  });
});
