/** Exec-only connections on a real target, attacked by what is no command line: SFTP, variables, standard input, subsystems, links. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { createSshAnalysis } from '../create-analysis.ts';
import type { SshOptions } from '../options.ts';
import { until } from '../../../../test/support/until.ts';
import { startStage, type Stage } from './support.ts';

describe('ssh: exec-only, attacked', { skip: lacking('sshd', 'ssh', 'rsync') }, () => {
  let analysis: Awaited<ReturnType<typeof createSshAnalysis>>;
  const stages: Stage[] = [];
  before(async () => {
    analysis = await createSshAnalysis();
  });
  after(async () => {
    for (const stage of stages) await stage.stop();
  });
  const open = async (options: SshOptions, sshd: readonly string[] = []): Promise<Stage> => {
    const stage = await startStage({
      analysis,
      options: { execOnly: true, ...options },
      sshd: { config: sshd },
    });
    stages.push(stage);
    return stage;
  };
  const sftp = (stage: Stage, batch: string) =>
    stage.clients.run('sftp', ['-F', stage.clients.config, '-b', '-', 'target'], batch);

  it('SFTP: none without its option, since start files would run; reading only; nothing that persists', async () => {
    const free = await open({ commands: { allow: ['uptime'] } });
    const refused = await sftp(free, 'ls /\n');
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /SFTP on an exec-only connection needs the option/);

    const reading = await open({ commands: { allow: ['uptime'] }, sftp: { readOnly: true } });
    assert.equal((await sftp(reading, 'ls /\n')).status, 0);
    const source = join(reading.clients.folder, 'source');
    writeFileSync(source, 'x');
    assert.notEqual((await sftp(reading, `put ${source} ${reading.sshd.folder}/put\n`)).status, 0);
    assert.ok(!existsSync(join(reading.sshd.folder, 'put')));

    const folder = join(reading.sshd.folder, 'home');
    mkdirSync(join(folder, '.ssh'), { recursive: true });
    const writing = await open({ commands: { allow: ['uptime'] }, sftp: { allow: [`${folder}/**`] } });
    assert.equal((await sftp(writing, `put ${source} ${folder}/data\n`)).status, 0);
    for (const name of ['.ssh/authorized_keys', '.bashrc', '.profile', '.ssh/rc']) {
      const ran = await sftp(writing, `put ${source} ${folder}/${name}\n`);
      assert.notEqual(ran.status, 0, name);
      assert.ok(!existsSync(join(folder, name)), name);
    }
    assert.notEqual((await sftp(writing, `rename ${folder}/data ${folder}/.bashrc\n`)).status, 0);
    assert.notEqual((await sftp(writing, `chmod 4755 ${folder}/data\n`)).status, 0);
    assert.ok(!existsSync(join(folder, '.bashrc')));
  });

  it('variables: none that changes what runs, whatever the option says', async () => {
    const stage = await open({ commands: { allow: ['printenv'] }, env: ['*'] }, ['AcceptEnv *']);
    const ran = await stage.clients.run('env', [
      'BASH_ENV=/tmp/evil',
      'ENV=/tmp/evil',
      'LD_PRELOAD=',
      'LC_HARMLESS=yes',
      'ssh',
      '-F',
      stage.clients.config,
      '-o',
      'SendEnv=BASH_ENV ENV LD_PRELOAD LC_HARMLESS',
      'target',
      'printenv',
    ]);
    const out = ran.stdout.toString();
    assert.match(out, /^LC_HARMLESS=yes$/m, ran.stderr);
    assert.doesNotMatch(out, /^(BASH_ENV|ENV|LD_PRELOAD)=/m);
  });

  it('standard input: does not reach what may take commands there, unless the list says so', async () => {
    const stage = await open({ commands: { allow: ['dash -e', 'dash -eu <stdin>', 'wc -c'] } });
    const mark = join(stage.sshd.folder, 'mark');
    const away = await stage.clients.ssh(['target', 'dash -e'], `echo ran > ${mark}\n`);
    assert.equal(away.status, 0);
    assert.ok(!existsSync(mark));
    assert.equal((await stage.clients.ssh(['target', 'wc -c'], 'four')).stdout.toString().trim(), '4');
    await stage.clients.ssh(['target', 'dash -eu'], `echo ran > ${mark}\n`);
    assert.ok(existsSync(mark), 'the list says that it may');
  });

  it('no subsystem but SFTP', async () => {
    const stage = await open({ commands: { allow: ['uptime'] } }, ['Subsystem shell /bin/sh']);
    const ran = await stage.clients.ssh(['-s', 'target', 'shell'], 'echo in\n');
    assert.equal(ran.stdout.toString(), '');
    assert.match(ran.stderr, /no subsystem but SFTP/);
    await until('it is told', () => stage.gateway.sessions[0]!.requests[0]!.outcome === 'deny');
  });

  it('rsync: a link that one push leaves leads no other one out of the folder', async () => {
    const stage = await open({});
    const www = join(stage.sshd.folder, 'www');
    const home = join(stage.sshd.folder, 'home');
    const here = join(stage.clients.folder, 'here');
    for (const folder of [www, home, here]) mkdirSync(folder);
    const pushing = await open({ commands: { allow: [`@rsync-write ${www}/**`] } });
    writeFileSync(join(here, 'page'), 'a page');
    const push = (...args: string[]) =>
      pushing.clients.run('rsync', ['-e', `ssh -F ${pushing.clients.config}`, ...args]);
    symlinkSync(home, join(here, 'way-out'));
    assert.notEqual((await push('-a', `${here}/`, `target:${www}/`)).status, 0, 'links as they are');
    assert.equal((await push('-a', '--safe-links', `${here}/`, `target:${www}/`)).status, 0);
    assert.ok(existsSync(join(www, 'page')));
    assert.ok(!existsSync(join(www, 'way-out')));
    assert.notEqual((await push('-rK', `${here}/page`, `target:${www}/way-out/`)).status, 0);
    assert.ok(!existsSync(join(home, 'page')));
  });
});
