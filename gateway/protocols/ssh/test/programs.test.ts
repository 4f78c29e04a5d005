import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { TOKEN } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { startStage, type Stage } from './support.ts';

const contents = Buffer.from(
  Array.from({ length: 3_000_000 }, (_, index) => (index * 7 + (index >> 8)) % 256),
);
const digest = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const wanted = createHash('sha256').update(contents).digest('hex');

describe('ssh: programs that people use, unchanged', { skip: lacking('sshd', 'ssh') }, () => {
  let stage: Stage;
  let here: string;
  let there: string;
  before(async () => {
    stage = await startStage();
    here = join(stage.clients.folder, 'here');
    there = join(stage.sshd.folder, 'there');
    mkdirSync(here);
    mkdirSync(there);
    writeFileSync(join(here, 'file'), contents);
    writeFileSync(join(there, 'file'), contents);
  });
  after(() => stage.stop());
  const verbs = (): string[] => stage.gateway.sessions.at(-1)!.requests.map(({ input }) => input.verb);
  const allAnswered = (): boolean =>
    stage.gateway.sessions.every(
      ({ closes, requests }) =>
        closes.length === 1 && requests.every(({ responses }) => responses.length === 1),
    );
  const run = async (program: string, args: readonly string[], input?: string) => {
    const ran = await stage.clients.run(program, args, input);
    assert.equal(ran.status, 0, `${program} ${args.join(' ')}: ${ran.stderr}${ran.stdout.toString()}`);
    await until('every request has its answer, every session its end', allAnswered);
    return ran;
  };

  it('scp over SFTP, both ways', async () => {
    const { config } = stage.clients;
    await run('scp', ['-q', '-F', config, join(here, 'file'), `target:${there}/scp-up`]);
    assert.deepEqual(verbs().slice(0, 1), ['subsystem']);
    await run('scp', ['-q', '-F', config, `target:${there}/scp-up`, join(here, 'scp-down')]);
    assert.deepEqual([digest(join(there, 'scp-up')), digest(join(here, 'scp-down'))], [wanted, wanted]);
  });

  it('scp by its old protocol, both ways', async () => {
    const { config } = stage.clients;
    await run('scp', ['-O', '-q', '-F', config, join(here, 'file'), `target:${there}/old-up`]);
    assert.deepEqual(verbs(), ['exec']);
    await run('scp', ['-O', '-q', '-F', config, `target:${there}/old-up`, join(here, 'old-down')]);
    assert.deepEqual([digest(join(there, 'old-up')), digest(join(here, 'old-down'))], [wanted, wanted]);
  });

  it('sftp with a batch', async () => {
    const batch = `put ${here}/file ${there}/sftp-up\nls -l ${there}\nget ${there}/sftp-up ${here}/sftp-down\nrename ${there}/sftp-up ${there}/renamed\nrm ${there}/renamed\n`;
    const ran = await run('sftp', ['-q', '-b', '-', '-F', stage.clients.config, 'target'], batch);
    assert.match(ran.stdout.toString(), /sftp-up/);
    assert.equal(digest(join(here, 'sftp-down')), wanted);
  });

  it('rsync, both ways', { skip: lacking('rsync') }, async () => {
    const rsh = `ssh -F ${stage.clients.config}`;
    await run('rsync', ['-a', '-e', rsh, `${here}/file`, `target:${there}/rsync-up`]);
    await run('rsync', ['-a', '-e', rsh, `target:${there}/rsync-up`, `${here}/rsync-down`]);
    assert.equal(digest(join(here, 'rsync-down')), wanted);
  });

  it('git clone and push', { skip: lacking('git') }, async () => {
    const git = (cwd: string, ...args: string[]): void => {
      const identity = [
        '-c',
        'user.name=t',
        '-c',
        'user.email=t@example.org',
        '-c',
        'init.defaultBranch=main',
      ];
      const ran = spawnSync('git', ['-C', cwd, ...identity, ...args], {
        encoding: 'utf8',
        env: { ...process.env, GIT_SSH_COMMAND: `ssh -F ${stage.clients.config}` },
      });
      assert.equal(ran.status, 0, ran.stderr);
    };
    git(there, 'init', '-q', '--bare', 'repo.git');
    git(here, 'init', '-q', 'work');
    writeFileSync(join(here, 'work', 'file'), contents);
    git(join(here, 'work'), 'add', '.');
    git(join(here, 'work'), 'commit', '-q', '-m', 'one');
    const args = ['-c', `core.sshCommand=ssh -F ${stage.clients.config}`];
    await run('git', [
      '-C',
      join(here, 'work'),
      ...args,
      'push',
      '-q',
      `target:${there}/repo.git`,
      'HEAD:main',
    ]);
    await run('git', [...args, 'clone', '-q', '-b', 'main', `target:${there}/repo.git`, join(here, 'clone')]);
    assert.equal(digest(join(here, 'clone', 'file')), wanted);
  });

  it('lftp over SFTP', { skip: lacking('lftp') }, async () => {
    const connect = `ssh -a -x -F ${stage.clients.config}`;
    const script = `set sftp:connect-program "${connect}"; open sftp://target; put ${here}/file -o ${there}/lftp-up; get ${there}/lftp-up -o ${here}/lftp-down; bye`;
    await run('lftp', ['-c', script]);
    assert.equal(digest(join(here, 'lftp-down')), wanted);
  });

  it("PuTTY's plink and pscp, with a large answer", { skip: lacking('plink') }, async () => {
    const { gateway } = stage;
    const keys = gateway.hostKeys
      .filter((line) => line.startsWith('ssh-ed25519'))
      .map(
        (line) =>
          spawnSync('ssh-keygen', ['-l', '-f', '-'], { input: line, encoding: 'utf8' }).stdout.split(' ')[1]!,
      );
    const common = ['-batch', '-P', String(gateway.port), '-pw', TOKEN, '-hostkey', keys[0]!];
    const ran = await run('plink', [
      '-ssh',
      ...common,
      '-l',
      'robot+main',
      gateway.host,
      `cat ${there}/file ${there}/file`,
    ]);
    assert.equal(ran.stdout.length, 2 * contents.length);
    await run('pscp', [
      ...common,
      '-l',
      'robot+main',
      join(here, 'file'),
      `${gateway.host}:${there}/pscp-up`,
    ]);
    assert.equal(digest(join(there, 'pscp-up')), wanted);
  });

  it("Dropbear's dbclient", { skip: lacking('dbclient') }, async () => {
    const { gateway } = stage;
    const key = join(stage.clients.folder, 'dropbear-key');
    const made = spawnSync('dropbearkey', ['-t', 'ed25519', '-f', key], { encoding: 'utf8' });
    assert.equal(made.status, 0);
    const { blobOfLine, fingerprintOf } = await import('../keys/public-key.ts');
    gateway.boundKeys.add(fingerprintOf(blobOfLine(/^ssh-ed25519.*$/m.exec(made.stdout)![0])!));
    const args = [
      '-y',
      '-y',
      '-i',
      key,
      '-p',
      String(gateway.port),
      '-l',
      'robot+main',
      gateway.host,
      `cat ${there}/file`,
    ];
    const ran = await run('dbclient', args);
    assert.equal(createHash('sha256').update(ran.stdout).digest('hex'), wanted);
  });

  it('many channels on one connection (ControlMaster)', async () => {
    const socket = join(stage.clients.folder, 'master');
    const master = ['-o', `ControlPath=${socket}`];
    const child = stage.clients.start('ssh', ['-F', stage.clients.config, ...master, '-M', '-N', 'target']);
    await until(
      'the master is there',
      () => spawnSync('ssh', [...master, '-O', 'check', 'target']).status === 0,
    );
    const before = stage.gateway.sessions.length;
    const runs = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        stage.clients.ssh([...master, 'target', `echo ${index}; exit ${index}`]),
      ),
    );
    assert.deepEqual(
      runs.map(({ status, stdout }) => [status, stdout.toString()]),
      Array.from({ length: 8 }, (_, index) => [index, `${index}\n`]),
    );
    assert.equal(stage.gateway.sessions.length, before);
    assert.equal(new Set(stage.gateway.sessions.at(-1)!.requests.map(({ input }) => input.channel)).size, 8);
    child.kill();
  });
});
