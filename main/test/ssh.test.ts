/** SSH on a whole installation: policy, events, recording and lockouts as for every protocol, through a real sshd by a real ssh. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { IssueTokenAnswer } from '../../schemas/api/tokens.ts';
import { lacking } from '../../test/servers/available.ts';
import { startSshd, type TestSshd } from '../../test/servers/sshd/sshd.ts';
import { startTestInstallation, type TestInstallation } from './support/installation.ts';
import { enrolKey } from './support/ssh-key.ts';
import { until } from '../../test/support/until.ts';

interface Page<T> {
  readonly items: readonly T[];
}
interface Hit {
  readonly document: Readonly<Record<string, unknown>>;
}

describe('ssh on a whole installation', { skip: lacking('sshd', 'ssh'), timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-test-ssh-'));
  let sshd: TestSshd;
  let installation: TestInstallation;
  before(async () => {
    sshd = await startSshd();
    installation = await startTestInstallation({
      connection: {
        name: 'web',
        protocol: 'ssh',
        host: sshd.host,
        port: sshd.port,
        options: { hostKeys: [...sshd.hostKeys] },
      },
      credential: { username: sshd.user, privateKey: sshd.privateKey },
    });
  });
  after(async () => {
    await installation?.stop();
    await sshd?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** An identity with a key of its own; the token is bound to it. */
  const enrol = async (subject: string, kind: 'human' | 'service_account'): Promise<string> => {
    const key = join(folder, subject);
    await enrolKey(installation.api, key, subject, kind);
    return key;
  };
  const ssh = (
    key: string,
    command: string,
  ): Promise<{ status: number | null; out: string; err: string }> => {
    const { host, port, hostKeys } = installation.installation.gateway.listener('ssh')!;
    const known = join(folder, 'known_hosts');
    const plain = hostKeys!.filter((line) => !line.startsWith('@'));
    writeFileSync(known, plain.map((line) => `[${host}]:${port} ${line}\n`).join(''));
    const child = spawn('ssh', [
      '-F',
      '/dev/null',
      '-i',
      key,
      '-o',
      'IdentitiesOnly=yes',
      '-o',
      'BatchMode=yes',
      '-o',
      `UserKnownHostsFile=${known}`,
      '-p',
      String(port),
      '-l',
      'web',
      host,
      command,
    ]);
    child.stdin.end();
    let [out, err] = ['', ''];
    child.stdout.on('data', (bytes) => (out += String(bytes)));
    child.stderr.on('data', (bytes) => (err += String(bytes)));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => resolve({ status, out, err }));
    });
  };

  it('a command runs; its events and its recording are there', async () => {
    const key = await enrol('ada', 'human');
    const ran = await ssh(key, 'echo seen');
    assert.deepEqual([ran.status, ran.out], [0, 'seen\n'], ran.err);
    const events = await until('the events are indexed', async () => {
      const { items } = await installation.api.get<Page<Hit>>('/v1/events', { identity: 'countersign/ada' });
      const kinds = items.map(({ document }) => document['event.action'] ?? document['countersign.kind']);
      return kinds.length >= 4 ? items : undefined;
    });
    const text = JSON.stringify(events);
    assert.match(text, /echo seen/);
    assert.match(text, /"ssh"/);
    const session = /"countersign\.session\.id":"([0-9a-f-]{36})"/.exec(text)?.[1];
    assert.ok(session !== undefined, text.slice(0, 500));
  });

  it('a certificate of the gateway opens what its token opens; a revoked token ends that', async () => {
    const key = join(folder, 'certified');
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const { api } = installation;
    const identityId = 'countersign/grace';
    await api.send('PUT', '/v1/identities', {
      id: identityId,
      kind: 'human',
      displayName: 'g',
      groups: [],
      attributes: {},
    });
    const { summary } = await api.send<IssueTokenAnswer>('POST', '/v1/tokens', {
      identityId,
      connections: ['web'],
      ttlMs: 600_000,
    });
    const made = await api.send<{ certificate: string; expiresAt: number }>('POST', '/v1/ssh/certificates', {
      tokenId: summary.tokenId,
      publicKey: readFileSync(`${key}.pub`, 'utf8'),
    });
    assert.ok(made.expiresAt <= summary.expiresAt);
    writeFileSync(`${key}-cert.pub`, `${made.certificate}\n`);
    assert.equal((await ssh(key, 'echo certified')).out, 'certified\n');
    await api.send('POST', `/v1/tokens/${summary.tokenId}/revoke`, { reason: 'a test' });
    const again = await ssh(key, 'true');
    assert.equal(again.status, 255);
    assert.match(again.err, /revoked/i);
  });

  it('connections with their keys and options come through the control API, too', async () => {
    const { api } = installation;
    const connection = { protocol: 'ssh', host: sshd.host, port: sshd.port, role: sshd.user, labels: {} };
    await assert.rejects(
      api.send('PUT', '/v1/connections/second', {
        ...connection,
        credential: { privateKey: sshd.privateKey },
      }),
      /no host key/,
    );
    await api.send('PUT', '/v1/connections/second', {
      ...connection,
      options: { hostKeys: [...sshd.hostKeys], execOnly: true },
      credential: { privateKey: sshd.privateKey },
    });
    const check = await api.send<{ ok: boolean }>('POST', '/v1/connections/second/check');
    assert.equal(check.ok, true);
    const answer = await api.get<{ hostKeys?: string[]; userAuthority?: string }>('/v1/listeners/ssh');
    assert.ok(answer.hostKeys!.length >= 3);
    assert.match(answer.userAuthority!, /^ssh-ed25519 /);
  });

  it('an opaque command of a job is denied with the decision, and does not run', async () => {
    const key = await enrol('job', 'service_account');
    const marker = join(folder, 'ran');
    const denied = await ssh(key, `cat /etc/hostname | sh; touch ${marker}`);
    assert.equal(denied.status, 126, denied.err);
    assert.match(denied.err, /denied by policy: .*decision [0-9a-f-]{36}/);
    assert.throws(() => readFileSync(marker));
    assert.equal((await ssh(key, 'echo harmless')).out, 'harmless\n');
  });

  it('a lockout of the identity ends the connection and what it runs, and refuses the next', async () => {
    const key = await enrol('eve', 'human');
    const command = `sleep ${910_000 + process.pid}`;
    const running = ssh(key, command);
    await until('it runs', () => Promise.resolve(sshd.processesRunning(command).length === 1 || undefined));
    await installation.api.send('POST', '/v1/lockouts', {
      subjectKind: 'identity',
      subject: 'countersign/eve',
      reason: 'a test locks out',
    });
    const { status, err } = await running;
    assert.equal(status, 255);
    assert.match(err, /locked out/);
    await until('it is gone', () =>
      Promise.resolve(sshd.processesRunning(command).length === 0 || undefined),
    );
    const again = await ssh(key, 'true');
    assert.equal(again.status, 255);
    assert.match(again.err, /locked out|revoked/i);
    const closed = await until('the end is indexed', async () => {
      const query = { identity: 'countersign/eve', kind: 'session_closed' };
      return (await installation.api.get<Page<Hit>>('/v1/events', query)).items[0];
    });
    assert.equal(closed.document['countersign.session.close_reason'], 'lockout');
    assert.match(JSON.stringify(closed.document), /ended on the target|nothing of the session was left/);
  });
});
