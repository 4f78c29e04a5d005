/** Agent and X11 forwarding with OpenSSH's client, its agent, and xauth. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { listens } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { startStage, type Stage } from './support.ts';

/** An agent of the client with one key; gone when `work` is done. */
async function withAgent<T>(
  { clients }: Stage,
  work: (env: Record<string, string>) => Promise<T>,
): Promise<T> {
  const socket = join(clients.folder, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  try {
    await until('the agent is there', () => listens(socket));
    const env = { SSH_AUTH_SOCK: socket };
    const key = join(clients.folder, 'lent');
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'lent-key', '-f', key]);
    assert.equal(spawnSync('ssh-add', ['-q', key], { env: { ...process.env, ...env } }).status, 0);
    return await work(env);
  } finally {
    agent.kill();
  }
}
const withEnv = (stage: Stage, env: Record<string, string>, args: readonly string[], input = '') =>
  stage.clients.run(
    'env',
    [
      ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
      'ssh',
      '-F',
      stage.clients.config,
      ...args,
    ],
    input,
  );

describe('ssh: agent forwarding', { skip: lacking('sshd', 'ssh') }, () => {
  it('is denied unless the connection allows it: an event; the command runs without', async () => {
    const stage = await startStage();
    try {
      const ran = await withAgent(stage, (env) =>
        withEnv(stage, env, ['-A', 'target', 'echo "agent:$SSH_AUTH_SOCK"; ssh-add -l']),
      );
      assert.match(ran.stdout.toString(), /^agent:\n/);
      const [first, second] = stage.gateway.sessions[0]!.requests;
      assert.deepEqual(
        [first!.input.verb, first!.input.actions[0]!.action, first!.input.forcedDenial?.rule, first!.outcome],
        ['agent forwarding', 'forward_agent', 'agentForwarding', 'deny'],
      );
      assert.equal(second!.input.verb, 'exec');
    } finally {
      await stage.stop();
    }
  });

  it('works where it is allowed; each use is a request that says what was asked for; no key is recorded', async () => {
    const stage = await startStage({ options: { agentForwarding: true } });
    try {
      const data = join(stage.clients.folder, 'data');
      writeFileSync(data, 'to be signed');
      const ran = await withAgent(stage, async (env) => {
        const key = join(stage.clients.folder, 'lent.pub');
        const listed = await withEnv(stage, env, ['-A', 'target', 'ssh-add -l']);
        assert.match(listed.stdout.toString(), /lent-key \(ED25519\)/, listed.stderr);
        return await withEnv(stage, env, [
          '-A',
          'target',
          `ssh-keygen -q -Y sign -f ${key} -n file ${data} && cat ${data}.sig`,
        ]);
      });
      assert.match(ran.stdout.toString(), /BEGIN SSH SIGNATURE/, ran.stderr);
      await until('both are over', () => stage.gateway.sessions.every(({ closes }) => closes.length === 1));
      const [listing, signing] = stage.gateway.sessions;
      const use = listing!.requests.find(({ input }) => input.verb === 'auth-agent')!;
      assert.equal(use.outcome, 'allow');
      assert.equal(use.responses[0]!.status, 'ok');
      assert.equal(use.responses[0]!.tag, '1 keys listed');
      const tags = signing!.requests
        .filter(({ input }) => input.verb === 'auth-agent')
        .map(({ responses }) => responses[0]!.tag);
      assert.match(tags.join(), /1 signatures/);
      assert.ok(signing!.requests.every(({ responses }) => responses.length === 1));
      const ids = signing!.requests.filter(({ input }) => input.verb === 'auth-agent').map(({ id }) => id);
      assert.ok(signing!.recorded.every(({ requestId }) => !ids.includes(requestId ?? '')));
    } finally {
      await stage.stop();
    }
  });

  it('policy may deny each use; a wish that is held delays the command, and nothing is lent when it is denied', async () => {
    const stage = await startStage({ options: { agentForwarding: true } });
    try {
      stage.gateway.decide = ({ verb }) => (verb === 'auth-agent' ? 'deny' : 'allow');
      const use = await withAgent(stage, (env) => withEnv(stage, env, ['-A', 'target', 'ssh-add -l']));
      assert.notEqual(use.status, 0);
      assert.doesNotMatch(use.stdout.toString(), /lent-key/);
      stage.gateway.decide = ({ verb }) => (verb === 'agent forwarding' ? Promise.resolve('deny') : 'allow');
      const held = await withEnv(stage, { SSH_AUTH_SOCK: '/nonexistent' }, [
        '-o',
        'ForwardAgent=/nonexistent',
        '-A',
        'target',
        'echo "agent:$SSH_AUTH_SOCK"',
      ]);
      assert.equal(held.stdout.toString(), 'agent:\n', held.stderr);
    } finally {
      await stage.stop();
    }
  });
});

/** Speaks for a screen: answers to the first packet of X11, and writes down which cookie came. */
function fakeScreen(): Promise<{ display: string; sawCookie(): boolean; cookie: string; close(): void }> {
  const cookie = 'a1'.repeat(16);
  let seen = '';
  return new Promise((resolve, reject) => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (bytes: Buffer) => {
        seen += bytes.toString('hex');
        // "Failed", with a reason: the client says it aloud.
        const reason = Buffer.from('the screen says no..');
        const head = Buffer.from([0, reason.length, 11, 0, 0, 0, reason.length / 4, 0]);
        socket.end(Buffer.concat([head, reason]));
      });
    });
    server.once('error', reject);
    const tryPort = (number: number): void => {
      server.once('error', () => tryPort(number + 1));
      server.listen(6000 + number, '127.0.0.1', () =>
        resolve({
          display: `127.0.0.1:${number}`,
          cookie,
          sawCookie: () => seen.includes(cookie),
          close: () => server.close(),
        }),
      );
    };
    server.removeAllListeners('error');
    tryPort(40 + (process.pid % 200));
  });
}

describe('ssh: X11 forwarding', { skip: lacking('sshd', 'ssh', 'xauth') }, () => {
  const sshd = { config: ['X11Forwarding yes', 'X11UseLocalhost yes', 'XAuthLocation /usr/bin/xauth'] };
  const options = ['-X', '-o', 'ForwardX11Trusted=yes', '-o', 'XAuthLocation=/usr/bin/xauth'];
  const authority = (stage: Stage, display: string, cookie: string): Record<string, string> => {
    const file = join(stage.clients.folder, 'Xauthority');
    spawnSync('xauth', ['-q', '-f', file, 'add', display, 'MIT-MAGIC-COOKIE-1', cookie]);
    return { XAUTHORITY: file, DISPLAY: display };
  };
  /** Connects to DISPLAY on the target as a program of X11 does, with the cookie that xauth has for it. */
  const PROGRAM = `
d=\${DISPLAY#*:}; d=\${d%%.*}
c=$(xauth list "$DISPLAY" | awk '{print $3; exit}')
exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/'$((6000 + d))'
printf "l\\0\\13\\0\\0\\0\\22\\0\\20\\0\\0\\0MIT-MAGIC-COOKIE-1\\0\\0" >&3
printf "$(printf %s "$0" | sed "s/../\\\\\\\\x&/g")" >&3
cat <&3' "$c"
`;

  it('is denied unless the connection allows it: an event; the command runs without', async () => {
    const stage = await startStage({ sshd });
    const screen = await fakeScreen();
    try {
      const env = authority(stage, screen.display, screen.cookie);
      const ran = await withEnv(stage, env, [...options, 'target', 'echo "screen:$DISPLAY"']);
      assert.equal(ran.stdout.toString(), 'screen:\n');
      assert.match(ran.stderr, /X11 forwarding request failed/);
      const [first] = stage.gateway.sessions[0]!.requests;
      assert.deepEqual(
        [first!.input.verb, first!.input.forcedDenial?.rule, first!.outcome],
        ['X11 forwarding', 'x11Forwarding', 'deny'],
      );
    } finally {
      screen.close();
      await stage.stop();
    }
  });

  it('works where it is allowed: a program of the target reaches the screen of the client, with its real cookie', async () => {
    const stage = await startStage({ sshd, options: { x11Forwarding: true } });
    const screen = await fakeScreen();
    try {
      const env = authority(stage, screen.display, screen.cookie);
      const ran = await withEnv(stage, env, [...options, 'target', 'sh -s'], PROGRAM);
      assert.match(ran.stdout.toString('latin1'), /the screen says no/, ran.stderr);
      assert.ok(screen.sawCookie(), 'the client put its own cookie in');
      const session = stage.gateway.sessions[0]!;
      await until('it is over', () => session.closes.length === 1);
      const use = session.requests.find(({ input }) => input.verb === 'x11')!;
      assert.match(use.input.text, /a program at 127\.0\.0\.1:\d+ uses the screen/);
      assert.equal(use.responses[0]!.status, 'ok');
      assert.ok(use.responses[0]!.bytes > 0);
      assert.ok(session.requests.every(({ responses }) => responses.length === 1));
    } finally {
      screen.close();
      await stage.stop();
    }
  });
});
