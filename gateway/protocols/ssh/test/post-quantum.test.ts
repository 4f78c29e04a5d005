/** mlkem768x25519-sha256 with OpenSSH 10 on the client's side, with its sshd and with ourselves on the target's. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { openssh10 } from '../../../../test/servers/sshd/openssh-10.ts';
// Before anybody else loads the library.
import { ALGORITHMS } from '../library/internals.ts';
import { HYBRID, postQuantum } from '../library/post-quantum.ts';
import { ssh2 } from '../library/ssh2.ts';
import { TOKEN } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { startStage, type Stage } from './support.ts';

describe('ssh: post-quantum key exchange', { skip: lacking('sshd', 'ssh') }, () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage({ options: { rekeyBytes: 200_000 } });
  });
  after(() => stage?.stop());

  it('is there, and asked for first', () => {
    assert.equal(postQuantum, true);
    assert.equal(ALGORITHMS.kex[0], HYBRID);
  });

  it('OpenSSH 10 takes it with the gateway, with new keys in the middle', async (context: TestContext) => {
    const bin = openssh10();
    if (bin === undefined) {
      assert.equal(process.env['CI'], undefined, 'CI is set, and OpenSSH 10 cannot be had here');
      return context.skip('OpenSSH 10 cannot be had here');
    }
    const { config } = stage.clients;
    for (const extra of [[], ['-o', 'RekeyLimit=300K']]) {
      const ran = await stage.clients.run(join(bin, 'ssh'), [
        '-v',
        '-F',
        config,
        '-o',
        `KexAlgorithms=${HYBRID}`,
        ...extra,
        'target',
        'head -c 2000000 /dev/zero',
      ]);
      assert.equal(ran.status, 0, ran.stderr);
      assert.equal(ran.stdout.length, 2_000_000);
      assert.match(ran.stderr, /kex: algorithm: mlkem768x25519-sha256/);
    }
    return undefined;
  });

  it('both sides of ours agree; who knows it not gets the classic one', async () => {
    for (const [kex, expected] of [
      [ALGORITHMS.kex, HYBRID],
      [['curve25519-sha256'], 'curve25519-sha256'],
    ] as const) {
      const negotiated = await new Promise<string>((resolve, reject) => {
        const client = new ssh2.Client();
        let chosen = '';
        client.on('handshake', ({ kex: found }) => (chosen = found));
        client.once('error', reject);
        client.once('ready', () => {
          client.end();
          resolve(chosen);
        });
        const { host, port } = stage.gateway;
        client.connect({
          host,
          port,
          username: 'main',
          password: TOKEN,
          algorithms: { kex: [...kex] as never },
        });
      });
      assert.equal(negotiated, expected);
    }
  });

  it('a target of OpenSSH 10 takes it with the gateway; commands, terminals, files, the kill', async (context: TestContext) => {
    const programs = openssh10();
    if (programs === undefined) {
      assert.equal(process.env['CI'], undefined, 'CI is set, and OpenSSH 10 cannot be had here');
      return context.skip('OpenSSH 10 cannot be had here');
    }
    const target = await startStage({
      sshd: { programs, config: [`KexAlgorithms ${HYBRID}`] },
      options: { rekeyBytes: 200_000 },
    });
    try {
      const { config, folder } = target.clients;
      const ran = await target.clients.ssh(['target', 'cat; exit 3'], 'x'.repeat(1_000_000));
      assert.deepEqual([ran.status, ran.stdout.length], [3, 1_000_000], ran.stderr);
      writeFileSync(join(folder, 'file'), 'content');
      const put = await target.clients.run(
        'sftp',
        ['-F', config, '-b', '-', 'target'],
        `put ${folder}/file ${target.sshd.folder}/put\n`,
      );
      assert.equal(put.status, 0, put.stderr);
      assert.equal(readFileSync(join(target.sshd.folder, 'put'), 'utf8'), 'content');
      const command = `sleep ${940_000 + process.pid}`;
      target.clients.start('ssh', ['-F', config, 'target', `setsid ${command} & sleep 600`]);
      await until('it runs', () => target.sshd.processesRunning(command).length === 1);
      target.gateway.sessions.at(-1)!.end('lockout');
      await until('it is gone', () => target.sshd.processesRunning(command).length === 0);
      const log = readFileSync(target.sshd.logFile, 'utf8');
      assert.doesNotMatch(log, /no matching key exchange/);
    } finally {
      await target.stop();
    }
    return undefined;
  });
});
