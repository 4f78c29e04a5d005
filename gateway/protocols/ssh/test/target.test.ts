import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { lacksNamespace } from '../../../../test/servers/sshd/namespace.ts';
import { startSshd, type TestSshd } from '../../../../test/servers/sshd/sshd.ts';
import type { TargetCredential } from '../../protocol.ts';
import { loadAuthority } from '../keys/own-keys.ts';
import { lineOf } from '../keys/public-key.ts';
import { checkOptions, type SshOptions } from '../options.ts';
import { createClients } from './clients.ts';
import { startGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';

const OTHER_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGnlkOa3MrHrTKLvRGNX5GBEoWnM5LHyOjUYS4vhpJ3k';

describe('ssh: the target', { skip: lacking('sshd', 'ssh') }, () => {
  let sshd: TestSshd;
  const kept = new Map<string, string>();
  before(async () => {
    const authority = await loadAuthority(
      {
        kept(name, make) {
          const value = kept.get(name) ?? make();
          kept.set(name, value);
          return Promise.resolve(value);
        },
      },
      'target',
    );
    sshd = await startSshd({
      trustedUserAuthority: lineOf(authority.publicBlob),
      hostCertificate: ['127.0.0.1', 'web.example.org'],
    });
  });
  after(() => sshd.stop());

  const tryOnce = async (options: SshOptions, credential?: TargetCredential, clockOffMs = 0) => {
    const gateway = await startGateway({
      target: sshd,
      credential: credential ?? { username: sshd.user, privateKey: sshd.privateKey },
      options,
      kept,
      clockOffMs,
    });
    const clients = createClients(gateway);
    try {
      const ran = await clients.ssh(['target', 'echo in']);
      return { ran, refusal: gateway.refusals.at(-1), session: gateway.sessions.at(-1) };
    } finally {
      clients.close();
      await gateway.stop();
    }
  };

  it('gets a certificate of the gateway for each login, with who it is for', async () => {
    const { ran } = await tryOnce(
      { hostKeys: [...sshd.hostKeys] },
      { username: sshd.user, certificate: 'gateway-ca' },
    );
    assert.equal(ran.stdout.toString(), 'in\n', ran.stderr);
    assert.match(readFileSync(sshd.logFile, 'utf8'), /ED25519-CERT.* ID countersign countersign\/robot t1 /);
  });

  it('takes a certificate of a gateway whose clock differs by minutes; further off the client hears where to look', async () => {
    const credential = { username: sshd.user, certificate: 'gateway-ca' } as const;
    for (const [offMs, works] of [
      [4 * 60_000, true],
      [-4 * 60_000, true],
      [20 * 60_000, false],
    ] as const) {
      const { ran, refusal } = await tryOnce({ hostKeys: [...sshd.hostKeys] }, credential, offMs);
      if (works) assert.equal(ran.stdout.toString(), 'in\n', ran.stderr);
      else {
        assert.equal(refusal!.code, 'SSH_TARGET_LOGIN_FAILED');
        assert.match(ran.stderr, /clock/);
      }
    }
  });

  it('is known by its host certificate, where the authority is trusted for this name', async () => {
    const { ran } = await tryOnce({ hostAuthorities: [sshd.hostAuthority] });
    assert.equal(ran.stdout.toString(), 'in\n', ran.stderr);
    const named = await tryOnce({
      hostAuthorities: [sshd.hostAuthority],
      hostPrincipals: ['web.example.org'],
    });
    assert.equal(named.ran.stdout.toString(), 'in\n');
    const other = await tryOnce({
      hostAuthorities: [sshd.hostAuthority],
      hostPrincipals: ['db.example.org'],
    });
    assert.equal(other.ran.status, 255);
    assert.equal(other.refusal!.code, 'SSH_HOST_KEY_CHANGED');
    assert.match(other.ran.stderr, /principals are 127\.0\.0\.1, web\.example\.org/);
  });

  it('with another host key, or a certificate of another authority, gets no credential', async () => {
    for (const options of [{ hostKeys: [OTHER_KEY] }, { hostAuthorities: [OTHER_KEY] }, {}] as SshOptions[]) {
      const { ran, refusal } = await tryOnce(options);
      assert.equal(ran.status, 255);
      assert.equal(refusal!.code, 'SSH_HOST_KEY_CHANGED');
      assert.match(ran.stderr, /host key that is not trusted/);
    }
  });

  it('that refuses the credential is told from one that is not there', async () => {
    const { sshd: _, ...wrong } = { sshd, username: 'nobody-at-all', certificate: 'gateway-ca' as const };
    const refused = await tryOnce({ hostKeys: [...sshd.hostKeys] }, wrong);
    assert.equal(refused.refusal!.code, 'SSH_TARGET_LOGIN_FAILED');
    const broken = await tryOnce(
      { hostKeys: [...sshd.hostKeys] },
      { username: sshd.user, privateKey: 'no key' },
    );
    assert.equal(broken.refusal!.code, 'SSH_CREDENTIAL_UNAVAILABLE');
    assert.equal(broken.session, undefined);
  });

  it('needs a key or an authority in the configuration', () => {
    const check = (options: unknown): string | undefined => checkOptions({ name: 'web', options })?.code;
    assert.equal(check({}), 'SSH_HOST_KEY_UNPINNED');
    assert.equal(check({ hostKeys: ['nonsense'] }), 'SSH_OPTION_INVALID');
    assert.equal(check({ hostKeys: [...sshd.hostKeys] }), undefined);
    assert.equal(check({ hostAuthorities: [sshd.hostAuthority] }), undefined);
  });

  it('lost in the middle: the client hears it, the request has its end', async () => {
    const gateway = await startGateway({
      target: sshd,
      credential: { username: sshd.user, privateKey: sshd.privateKey },
      options: { hostKeys: [...sshd.hostKeys] },
    });
    const clients = createClients(gateway);
    try {
      const ran = clients.ssh(['target', 'echo $PPID; sleep 600']);
      await until('it runs', () => (gateway.sessions[0]?.recorded.length ?? 0) > 0);
      process.kill(Number(gateway.sessions[0]!.recorded[0]!.bytes.toString().trim()), 'SIGKILL');
      const { status, stderr } = await ran;
      assert.equal(status, 255);
      assert.match(stderr, /target of connection "main" closed the connection/);
      await until('the session has its end', () => gateway.sessions[0]!.closes.length === 1);
      assert.equal(gateway.sessions[0]!.closes[0]!.reason, 'target_closed');
      assert.equal(gateway.sessions[0]!.requests[0]!.responses.length, 1);
    } finally {
      clients.close();
      await gateway.stop();
    }
  });

  it('not there at all', async () => {
    const gateway = await startGateway({
      target: { host: '127.0.0.1', port: 1 },
      credential: { username: sshd.user, privateKey: sshd.privateKey },
      options: { hostKeys: [...sshd.hostKeys] },
    });
    const clients = createClients(gateway);
    try {
      const ran = await clients.ssh(['target', 'true']);
      assert.equal(ran.status, 255);
      assert.match(ran.stderr, /cannot be reached: .*ECONNREFUSED/);
      assert.equal(gateway.refusals.at(-1)!.code, 'SSH_TARGET_UNREACHABLE');
    } finally {
      clients.close();
      await gateway.stop();
    }
  });
});

describe('ssh: a target that takes passwords', () => {
  const namespace = { password: 'a password of the vault' } as const;
  const skip = lacking('sshd', 'ssh') || lacksNamespace();
  for (const [what, config] of [
    ['by the method password', ['PasswordAuthentication yes']],
    ['by questions (keyboard-interactive)', ['KbdInteractiveAuthentication yes', 'UsePAM yes']],
  ] as const)
    it(`${what}: the client never sees it, a wrong one is told`, { skip }, async () => {
      const sshd = await startSshd({ namespace, config });
      const tryWith = async (password: string) => {
        const gateway = await startGateway({
          target: sshd,
          credential: { username: sshd.user, password },
          options: { hostKeys: [...sshd.hostKeys] },
        });
        const clients = createClients(gateway);
        try {
          return { ran: await clients.ssh(['target', 'echo in']), gateway };
        } finally {
          clients.close();
          await gateway.stop();
        }
      };
      try {
        const right = await tryWith(namespace.password);
        assert.equal(right.ran.stdout.toString(), 'in\n', right.ran.stderr);
        const wrong = await tryWith('another one');
        assert.equal(wrong.ran.status, 255);
        assert.match(wrong.ran.stderr, /refused the login of/);
        assert.doesNotMatch(wrong.ran.stderr, /another one/);
        assert.equal(wrong.gateway.refusals.at(-1)!.code, 'SSH_TARGET_LOGIN_FAILED');
      } finally {
        await sshd.stop();
      }
    });
});
