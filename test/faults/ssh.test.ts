/** SSH sessions when time or room runs out: certificates that end, clocks that differ, a spool without room. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { IssueTokenAnswer } from '../../schemas/api/tokens.ts';
import { lacking } from '../servers/available.ts';
import { startSshd, type TestSshd } from '../servers/sshd/sshd.ts';
import { until } from '../support/until.ts';
import { startWhole, type Whole } from './support/whole.ts';

const MINUTE = 60_000;

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

describe('ssh: what runs out', { skip: lacking('sshd', 'ssh'), timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-faults-ssh-'));
  let sshd: TestSshd;
  let whole: Whole;
  let stepped = 0;
  const step = (ms: number): void => {
    stepped += ms;
    whole.clock.step(ms);
  };
  before(async () => {
    sshd = await startSshd();
    const { host, port, user } = sshd;
    whole = await startWhole(
      { host, port, user, password: '' },
      {
        gateway: { spoolBytesMax: 200_000, spoolSegmentBytes: 32_768 },
        connections: [
          { name: 'web', protocol: 'ssh', host, port, options: { hostKeys: [...sshd.hostKeys] } },
        ],
      },
    );
    const { vault } = whole.installation.gateway;
    await vault.put('connections/web', JSON.stringify({ username: user, privateKey: sshd.privateKey }));
  });
  afterEach(() => step(-stepped));
  after(async () => {
    await whole?.stop();
    await sshd?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  let names = 0;
  /** A key with a certificate of the gateway; its token lasts a day. */
  const certified = async (ttlMs: number): Promise<{ key: string; identity: string }> => {
    const subject = `person-${(names += 1)}`;
    const key = join(folder, subject);
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const { tokenId } = await whole.issue(subject, 'human', 24 * 60 * MINUTE);
    const made = await whole.api.send<{ certificate: string }>('POST', '/v1/ssh/certificates', {
      tokenId,
      publicKey: readFileSync(`${key}.pub`, 'utf8'),
      ttlMs,
    } satisfies Partial<Record<string, unknown>> & { tokenId: IssueTokenAnswer['summary']['tokenId'] });
    writeFileSync(`${key}-cert.pub`, `${made.certificate}\n`);
    return { key, identity: `countersign/${subject}` };
  };
  const start = (
    key: string,
    args: readonly string[],
  ): { child: ReturnType<typeof spawn>; end: Promise<Ran> } => {
    const { host, port, hostKeys } = whole.installation.gateway.listener('ssh')!;
    const known = join(folder, 'known_hosts');
    const plain = hostKeys!.filter((line) => !line.startsWith('@'));
    writeFileSync(known, plain.map((line) => `[${host}]:${port} ${line}\n`).join(''));
    const options = ['IdentitiesOnly=yes', 'BatchMode=yes', `UserKnownHostsFile=${known}`];
    const child = spawn('ssh', [
      '-F',
      '/dev/null',
      '-i',
      key,
      ...options.flatMap((option) => ['-o', option]),
      '-p',
      String(port),
      '-l',
      'web',
      host,
      ...args,
    ]);
    let [out, err] = ['', ''];
    child.stdout.on('data', (bytes) => (out += String(bytes)));
    child.stderr.on('data', (bytes) => (err += String(bytes)));
    const end = new Promise<Ran>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => resolve({ status, out, err }));
    });
    return { child, end };
  };
  const ssh = (key: string, ...args: string[]): Promise<Ran> => {
    const { child, end } = start(key, args);
    child.stdin!.end();
    return end;
  };

  it('a certificate that expires in a session ends it, with what runs in the target; the client hears why', async () => {
    const { key, identity } = await certified(15 * MINUTE);
    const command = `sleep ${930_000 + process.pid}`;
    const running = start(key, [command]);
    await until('it runs', () => sshd.processesRunning(command).length === 1);
    step(14 * MINUTE);
    assert.equal((await ssh(key, 'echo still')).out, 'still\n');
    assert.equal(sshd.processesRunning(command).length, 1, 'before its end nothing happens');
    step(2 * MINUTE);
    const { status, err } = await running.end;
    assert.equal(status, 255);
    assert.match(err, /expired/);
    await until('it is gone', () => sshd.processesRunning(command).length === 0);
    const again = await ssh(key, 'true');
    assert.equal(again.status, 255);
    assert.match(again.err, /the certificate is refused: it has expired/);
    await until('its end is written', async () =>
      (await whole.events()).some(
        ({ body, identity: of }) => body.kind === 'session_closed' && of?.id === identity,
      ),
    );
  });

  it('a gateway whose clock is behind by less than a minute takes a certificate of another; further behind it says so', async () => {
    const { key } = await certified(15 * MINUTE);
    step(-50_000);
    assert.equal((await ssh(key, 'echo in')).out, 'in\n');
    step(-60_000);
    const refused = await ssh(key, 'true');
    assert.equal(refused.status, 255);
    assert.match(refused.err, /the certificate is refused: it is not valid yet/);
  });

  it('a full spool: commands and lines are refused with the code, the session lives, and goes on when there is room', async () => {
    const { key } = await certified(60 * MINUTE);
    const shell = start(key, ['-T']);
    shell.child.stdin!.write('echo before\n');
    let out = '';
    let err = '';
    shell.child.stdout!.on('data', (bytes) => (out += String(bytes)));
    shell.child.stderr!.on('data', (bytes) => (err += String(bytes)));
    await until('the shell answers', () => out.includes('before'));
    whole.switches.eventLogAway = true;
    try {
      const filler = 'x'.repeat(2000);
      for (
        let lines = 0;
        lines < 300 && !err.includes('SPOOL_FULL') && !/spool is full/i.test(err);
        lines += 1
      ) {
        shell.child.stdin!.write(`: ${lines} ${filler}; echo line-${lines}\n`);
        await until('it is answered', () => out.includes(`line-${lines}\n`) || /spool/i.test(err));
      }
      assert.match(err, /denied by policy: .*spool is full/i);
      // Smaller ones still fit, for a while.
      let late = await ssh(key, `: ${filler}; echo late`);
      for (let tries = 0; tries < 30 && late.status === 0; tries += 1)
        late = await ssh(key, `: ${filler}; echo late`);
      assert.notEqual(late.status, 0);
      assert.match(late.err, /spool is full/i);
      assert.equal(late.out, '');
    } finally {
      whole.switches.eventLogAway = false;
    }
    await until('there is room', async () => (await ssh(key, 'echo room')).out === 'room\n');
    await until('the shell goes on', () => {
      shell.child.stdin!.write('echo after\n');
      return out.includes('after\n');
    });
    shell.child.stdin!.end('exit 3\n');
    assert.equal((await shell.end).status, 3);
  });
});
