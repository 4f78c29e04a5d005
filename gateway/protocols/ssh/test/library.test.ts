/** Each defect of ssh2 that FACTS.md and docs/ssh.md name, through real clients: these fail when a remedy is taken away. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { blobOfLine, fingerprintOf } from '../keys/public-key.ts';
import { checkVersion, isFast, LIBRARY_VERSION, mayAbort } from '../library/internals.ts';
import { until } from '../../../../test/support/until.ts';
import { startStage, type Stage } from './support.ts';

describe('ssh: remedies for the library', { skip: lacking('sshd', 'ssh') }, () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage({ options: { rekeyBytes: 65_536 } });
  });
  after(() => stage.stop());
  const ssh = (args: readonly string[], input?: Buffer) => stage.clients.ssh(args, input);

  it('are for the version that is installed', () => {
    assert.equal(checkVersion(), undefined);
    const { version } = JSON.parse(readFileSync('node_modules/ssh2/package.json', 'utf8')) as {
      version: string;
    };
    assert.equal(version, LIBRARY_VERSION);
    assert.equal(typeof isFast(), 'boolean');
    // Built by the launcher, or not at all: ssh2's own build aborts the process on Node 24 when V8 collects a cipher.
    assert.equal(mayAbort(), false);
  });

  it('a client that takes no more output ends the command (eow@openssh.com)', async () => {
    const script = `ssh -F ${stage.clients.config} target 'yes; echo $? >&2' | head -n 1`;
    const ran = await stage.clients.run('sh', ['-c', script]);
    assert.equal(ran.stdout.toString(), 'y\n');
    await until('the session has its end', () => stage.gateway.sessions.at(-1)!.closes.length === 1);
  });

  it('much on both streams at once does not stop at the window', async () => {
    const command = 'head -c 6000000 /dev/zero & head -c 6000000 /dev/zero >&2; wait';
    const ran = await ssh(['target', command]);
    assert.equal(ran.status, 0);
    assert.equal(ran.stdout.length, 6_000_000);
    assert.equal(ran.stderr.length, 6_000_000);
  });

  it('clients that sign with rsa-sha2-512 only are served', async () => {
    const key = join(stage.clients.folder, 'rsa512');
    spawnSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', key]);
    stage.gateway.boundKeys.add(fingerprintOf(blobOfLine(readFileSync(`${key}.pub`, 'utf8'))!));
    const only = ['-o', `IdentityFile=${key}`, '-o', 'PubkeyAcceptedAlgorithms=rsa-sha2-512'];
    const ran = await stage.clients.run('ssh', [
      '-F',
      '/dev/null',
      '-o',
      'BatchMode=yes',
      '-o',
      'IdentitiesOnly=yes',
      ...only,
      '-o',
      `UserKnownHostsFile=${join(stage.clients.folder, 'known_hosts')}`,
      '-p',
      String(stage.gateway.port),
      '-l',
      'main',
      stage.gateway.host,
      'echo in',
    ]);
    assert.equal(ran.stdout.toString(), 'in\n', ran.stderr);
  });

  it('keys are exchanged anew, asked for by the client and by the gateway, in the middle of a transfer', async () => {
    const bytes = Buffer.alloc(12_000_000, 'countersign');
    const ran = await ssh(['-v', '-o', 'RekeyLimit=1M', 'target', 'cat; sleep 2.5'], bytes);
    assert.equal(ran.status, 0, ran.stderr.slice(-500));
    assert.ok(ran.stdout.equals(bytes));
    const exchanges = ran.stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
    assert.ok(exchanges > 4, `${exchanges} key exchanges`);
    // Those that the gateway began, towards a client that asks for none.
    const calm = await ssh(['-v', 'target', 'head -c 9000000 /dev/zero; sleep 3']);
    assert.equal(calm.stdout.length, 9_000_000);
    assert.ok((calm.stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0) > 1);
  });

  it('a client that knows the authority only takes the host certificate', async () => {
    const known = join(stage.clients.folder, 'known_authority');
    const authority = stage.gateway.hostKeys.find((line) => line.startsWith('@cert-authority'))!;
    writeFileSync(known, `${authority.replace(' ', ' * ')}\n`);
    const ran = await ssh(['-o', `UserKnownHostsFile=${known}`, 'target', 'echo in']);
    assert.equal(ran.stdout.toString(), 'in\n', ran.stderr);
  });

  it('the exit status comes through after the end of the output', async () => {
    const ran = await ssh(['target', 'echo out; exec >&- 2>&-; sleep 0.3; exit 9']);
    assert.deepEqual([ran.status, ran.stdout.toString()], [9, 'out\n']);
  });

  it('the end of the input comes through while output goes on', async () => {
    const ran = await ssh(['target', 'cat >/dev/null; echo after; exit 3'], Buffer.from('some'));
    assert.deepEqual([ran.status, ran.stdout.toString()], [3, 'after\n']);
  });

  it('input that nobody reads does not keep the session', async () => {
    const ran = await ssh(['target', 'exit 4'], Buffer.alloc(8_000_000));
    assert.equal(ran.status, 4);
    await until('the session has its end', () => stage.gateway.sessions.at(-1)!.closes.length === 1);
  });

  it('death by a signal is told as such', async () => {
    const ran = await ssh(['target', 'kill -9 $$']);
    assert.equal(ran.status, 255);
    await until('it is reported', () => stage.gateway.sessions.at(-1)!.requests[0]!.responses.length === 1);
    assert.equal(stage.gateway.sessions.at(-1)!.requests[0]!.responses[0]!.errorCode, 'KILL');
  });
});
