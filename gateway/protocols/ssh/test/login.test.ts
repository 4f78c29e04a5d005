import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import ssh2, { type ConnectConfig } from 'ssh2';
import { lacking } from '../../../../test/servers/available.ts';
import { makeCertificate, type CertificateRequest } from '../keys/certificate.ts';
import { blobOfLine, fingerprintOf } from '../keys/public-key.ts';
import { EXPIRED_TOKEN, TOKEN } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { startStage, type Stage } from './support.ts';

describe('ssh: login', { skip: lacking('sshd', 'ssh') }, () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage();
  });
  after(() => stage.stop());

  /** A login by the library's client: what it is told, in the order it hears it. */
  const logIn = (
    username: string,
    config: ConnectConfig,
  ): Promise<{ ok: boolean; banner: string; error: string }> =>
    new Promise((resolve) => {
      const client = new ssh2.Client();
      let banner = '';
      let error = '';
      client.on('banner', (text) => (banner += text));
      client.on('error', (cause) => (error ||= cause.message));
      client.on('close', () => resolve({ ok: false, banner, error }));
      client.on('ready', () => {
        client.removeAllListeners('close');
        client.end();
        resolve({ ok: true, banner, error });
      });
      client.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) => {
        assert.deepEqual(prompts, [{ prompt: 'Token: ', echo: false }]);
        finish([config.password ?? '']);
      });
      client.connect({ host: stage.gateway.host, port: stage.gateway.port, username, ...config });
    });
  const last = () => stage.gateway.sessions.at(-1)!.opening;

  it('by token as password, and by keyboard-interactive', async () => {
    assert.equal((await logIn('main', { password: TOKEN })).ok, true);
    assert.equal(last().authentication, 'password');
    assert.equal(last().identity.id, 'countersign/robot');
    const asked = await logIn('main', {
      password: TOKEN,
      tryKeyboard: true,
      authHandler: ['keyboard-interactive'],
    });
    assert.equal(asked.ok, true);
    assert.equal(last().authentication, 'keyboard-interactive');
  });

  it('refuses a wrong token as a guess, an expired one with its reason', async () => {
    const before = stage.gateway.refusals.length;
    assert.equal((await logIn('main', { password: 'wrong' })).ok, false);
    assert.deepEqual(stage.gateway.refusals.slice(before), [
      { code: 'SSH_LOGIN_FAILED', claimedName: 'main', identity: null },
    ]);
    const expired = await logIn('main', { password: EXPIRED_TOKEN });
    assert.match(expired.banner, /token has expired/i);
    assert.equal(stage.gateway.refusals.at(-1)!.code, 'TOKEN_EXPIRED');
  });

  it('tells what stands against the login, by name', async () => {
    for (const [name, code] of [
      ['locked', 'TEST_LOCKOUT'],
      ['refused', 'TEST_LOCKOUT'],
      ['absent', 'SSH_CONNECTION_UNKNOWN'],
      ['mallory+main', 'SSH_USER_REFUSED'],
      ['main+', 'SSH_LOGIN_NAME_INVALID'],
    ] as const) {
      const refused = await logIn(name, { password: TOKEN });
      assert.equal(refused.ok, false, name);
      assert.match(refused.banner, /^countersign: /, name);
      await until(`${name} is told`, () => stage.gateway.refusals.at(-1)!.code === code);
    }
  });

  for (const type of ['ed25519', 'ecdsa', 'rsa'] as const)
    it(`by a registered ${type} key, as ssh uses it`, async () => {
      const key = join(stage.clients.folder, `key-${type}`);
      spawnSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', key]);
      const args = ['-o', `IdentityFile=${key}`, 'target', 'true'];
      assert.equal(
        (await stage.clients.run('ssh', ['-F', '/dev/null', ...sshOptions(stage, key), 'true'])).status,
        255,
      );
      stage.gateway.boundKeys.add(fingerprintOf(blobOfLine(readFileSync(`${key}.pub`, 'utf8'))!));
      const ran = await stage.clients.run('ssh', ['-F', '/dev/null', ...sshOptions(stage, key), 'true']);
      assert.equal(ran.status, 0, `${ran.stderr} ${args.join(' ')}`);
      assert.equal(last().authentication, 'publickey');
    });

  it('does not take a registered key for its signature', async () => {
    const mine = ssh2.utils.generateKeyPairSync('ed25519');
    const theirs = ssh2.utils.generateKeyPairSync('ed25519');
    stage.gateway.boundKeys.add(fingerprintOf(blobOfLine(theirs.public)!));
    const before = stage.gateway.sessions.length;
    const forged = ssh2.utils.parseKey(mine.private);
    assert.ok(!(forged instanceof Error));
    const shown = ssh2.utils.parseKey(theirs.public);
    assert.ok(!(shown instanceof Error));
    // Shows their key, signs with mine.
    const key = Object.create(forged, {
      getPublicSSH: { value: () => shown.getPublicSSH() },
    }) as typeof forged;
    const tried = await logIn('main', {
      authHandler: [{ type: 'publickey', username: 'main', key: key as never }] as never,
    });
    assert.equal(tried.ok, false);
    assert.equal(stage.gateway.sessions.length, before);
  });

  describe('by certificate', () => {
    const now = Math.floor(Date.now() / 1000);
    let key: string;
    before(() => {
      key = join(stage.clients.folder, 'certified');
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    });
    const certify = (
      change: Partial<CertificateRequest> = {},
      authority?: Stage['gateway']['keys']['userAuthority'],
    ) => {
      const blob = makeCertificate(
        {
          kind: 'user',
          keyBlob: blobOfLine(readFileSync(`${key}.pub`, 'utf8'))!,
          keyId: 't1',
          principals: ['robot'],
          validAfter: now - 60,
          validBefore: now + 600,
          serial: 7n,
          nonce: Buffer.alloc(32, 1),
          extensions: ['permit-pty'],
          ...change,
        },
        authority ?? stage.gateway.keys.userAuthority,
      );
      writeFileSync(`${key}-cert.pub`, `ssh-ed25519-cert-v01@openssh.com ${blob.toString('base64')}\n`);
    };
    const ssh = (command: string) =>
      stage.clients.run('ssh', ['-F', '/dev/null', ...sshOptions(stage, key), command]);

    it('is what ssh-keygen takes for one', () => {
      certify();
      const shown = spawnSync('ssh-keygen', ['-L', '-f', `${key}-cert.pub`], { encoding: 'utf8' });
      assert.equal(shown.status, 0);
      assert.match(shown.stdout, /user certificate[\s\S]*Key ID: "t1"[\s\S]*robot[\s\S]*permit-pty/);
    });

    it('logs in; the session ends with the certificate', async () => {
      certify();
      const ran = await ssh('echo in');
      assert.equal(ran.stdout.toString(), 'in\n', ran.stderr);
      assert.equal(last().authentication, 'certificate');
      assert.equal(last().identity.expiresAt, (now + 600) * 1000);
    });

    for (const [what, change, reason] of [
      ['expired', { validBefore: now - 1 }, /expired/],
      ['not valid yet', { validAfter: now + 300 }, /not valid yet/],
      ['for somebody else', { principals: ['alice'] }, /principals/],
      ['without principals', { principals: [] }, /principals/],
      ['with an unknown critical option', { criticalOptions: { 'verify-required': '' } }, /critical option/],
      ['for another network', { criticalOptions: { 'source-address': '192.0.2.0/24' } }, /not for use from/],
    ] as const)
      it(`is refused when ${what}`, async () => {
        certify(change);
        const ran = await ssh('true');
        assert.equal(ran.status, 255);
        assert.equal(stage.gateway.refusals.at(-1)!.code, 'SSH_CERTIFICATE_REFUSED');
        assert.match(ran.stderr, reason);
      });

    it('of another authority is worth nothing', async () => {
      const { hostAuthority } = stage.gateway.keys;
      certify({}, hostAuthority);
      const before = stage.gateway.sessions.length;
      assert.equal((await ssh('true')).status, 255);
      assert.equal(stage.gateway.sessions.length, before);
    });

    it('with a forged signature of the authority is refused', async () => {
      const { hostAuthority, userAuthority } = stage.gateway.keys;
      certify({}, { privateKey: hostAuthority.privateKey, publicBlob: userAuthority.publicBlob });
      const ran = await ssh('true');
      assert.equal(ran.status, 255);
      assert.equal(stage.gateway.refusals.at(-1)!.code, 'SSH_CERTIFICATE_REFUSED');
    });

    it('for this network, with a forced command: that runs, whatever is asked for', async () => {
      certify({ criticalOptions: { 'source-address': '127.0.0.0/8', 'force-command': 'echo forced' } });
      const ran = await ssh('echo other');
      assert.equal(ran.stdout.toString(), 'forced\n', ran.stderr);
      assert.equal(stage.gateway.sessions.at(-1)!.requests[0]!.input.text, 'echo forced');
    });
  });
});

const sshOptions = (stage: Stage, key: string): string[] => [
  '-p',
  String(stage.gateway.port),
  '-l',
  'robot+main',
  '-i',
  key,
  '-o',
  'IdentitiesOnly=yes',
  '-o',
  'BatchMode=yes',
  '-o',
  `UserKnownHostsFile=${join(stage.clients.folder, 'known_hosts')}`,
  stage.gateway.host,
];

describe('ssh: logins that fail too often', () => {
  it('make their network wait', async () => {
    const stage = await startStage();
    try {
      for (let tries = 0; tries < 20; tries += 1) {
        await new Promise<void>((resolve) => {
          const client = new ssh2.Client();
          client.on('error', () => undefined);
          client.on('close', () => resolve());
          client.connect({
            host: stage.gateway.host,
            port: stage.gateway.port,
            username: 'main',
            password: 'guess',
          });
        });
      }
      const ran = await stage.clients.ssh(['target', 'true']);
      assert.equal(ran.status, 255);
      assert.match(ran.stderr, /too many failed logins/);
      assert.equal(stage.gateway.refusals.at(-1)!.code, 'SSH_LOGIN_THROTTLED');
    } finally {
      await stage.stop();
    }
  });
});

describe('ssh: a connection that asks why', { skip: lacking('ssh', 'sshd') }, () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage({
      options: { askReason: true },
      clientConfig: ['KbdInteractiveAuthentication yes'],
    });
  });
  after(() => stage?.stop());
  /** Answers of a person, one for each question in turn. */
  const answering = (answers: readonly string[], args: readonly string[]) => {
    const { folder, config } = stage.clients;
    const [script, count] = [join(folder, 'answer'), join(folder, 'count')];
    writeFileSync(count, '');
    const cases = answers.map((answer, at) => `${at}) echo "${answer}" ;;`).join(' ');
    writeFileSync(
      script,
      `#!/bin/sh\nn=$(wc -c < ${count}); printf x >> ${count}; case $n in ${cases} esac\n`,
      { mode: 0o755 },
    );
    return stage.clients.run('env', [
      `SSH_ASKPASS=${script}`,
      'SSH_ASKPASS_REQUIRE=force',
      'ssh',
      '-F',
      config,
      '-o',
      'BatchMode=no',
      ...args,
      'target',
      'echo in',
    ]);
  };
  const last = () => stage.gateway.sessions.at(-1)!;

  it('behind a key: the reason and the ticket stand on every request', async () => {
    stage.gateway.kind = 'human';
    const ran = await answering(['the disk is full', 'OPS-7'], []);
    assert.equal(ran.stdout.toString(), 'in\n', ran.stderr);
    assert.match(ran.stderr, /asks why it is used/);
    assert.deepEqual(last().requests[0]!.input.stated, { reason: 'the disk is full', ticket: 'OPS-7' });
  });

  it('behind the token at the prompt, in the same breath', async () => {
    const ran = await answering(
      [TOKEN, 'a reason', ''],
      ['-o', 'PubkeyAuthentication=no', '-o', 'PreferredAuthentications=keyboard-interactive'],
    );
    assert.equal(ran.stdout.toString(), 'in\n', ran.stderr);
    assert.deepEqual(last().requests[0]!.input.stated, { reason: 'a reason', ticket: null });
  });

  it('no reason, no session; and the question alone opens nothing', async () => {
    const opened = stage.gateway.sessions.length;
    const none = await answering(['', ''], []);
    assert.equal(none.status, 255);
    assert.match(none.stderr, /no reason was given/);
    assert.equal(stage.gateway.refusals.at(-1)!.code, 'SSH_REASON_MISSING');
    const silent = await stage.clients.ssh(['target', 'true']);
    assert.equal(silent.status, 255);
    assert.equal(stage.gateway.sessions.length, opened);
  });

  it('machines are not asked', async () => {
    stage.gateway.kind = 'service_account';
    const ran = await stage.clients.ssh(['target', 'echo in']);
    assert.equal(ran.stdout.toString(), 'in\n', ran.stderr);
  });
});
