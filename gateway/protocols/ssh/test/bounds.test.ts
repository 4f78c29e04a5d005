import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import ssh2, { type ClientChannel } from 'ssh2';
import { lacking } from '../../../../test/servers/available.ts';
import { createSystemClock } from '../../../../platform/clock/system-clock.ts';
import { TOKEN } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { startStage, type Stage } from './support.ts';

/** A client of the library's, logged in with the token. */
async function loggedIn({
  host,
  port,
}: {
  readonly host: string;
  readonly port: number;
}): Promise<ssh2.Client> {
  const client = new ssh2.Client();
  await new Promise<void>((resolve, reject) => {
    client.once('ready', () => resolve());
    client.once('error', reject);
    client.connect({
      host,
      port,
      username: 'main',
      password: TOKEN,
    });
  });
  return client;
}

describe('ssh: bounds', { skip: lacking('sshd', 'ssh') }, () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage({ listener: { pendingLoginsMax: 40, loginTimeoutMs: 4000 } });
  });
  after(() => stage.stop());

  const dial = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: stage.gateway.host, port: stage.gateway.port });
      socket.once('connect', () => resolve(socket));
      socket.once('error', reject);
    });
  const closed = (socket: Socket): Promise<void> =>
    new Promise((resolve) => {
      socket.on('error', () => undefined);
      socket.resume();
      socket.once('close', () => resolve());
    });
  const works = async (): Promise<void> => {
    const ran = await stage.clients.ssh(['target', 'echo works']);
    assert.equal(ran.stdout.toString(), 'works\n', ran.stderr);
  };

  for (const [what, bytes] of [
    ['what is no SSH', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a line without end', Buffer.alloc(100_000, 'x')],
    [
      'an announced packet of 2 GB',
      Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.from('7fffffff', 'hex'), Buffer.alloc(5000)]),
    ],
    [
      'random bytes behind the greeting',
      Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.alloc(5000, 0xa7)]),
    ],
  ] as const)
    it(`ends ${what}`, async () => {
      const before = process.memoryUsage().rss;
      const socket = await dial();
      const gone = closed(socket);
      socket.write(bytes);
      await gone;
      assert.ok(process.memoryUsage().rss - before < 100_000_000);
      await works();
    });

  it('ends garbage after the login, and reports what ran', async () => {
    const client = await loggedIn(stage.gateway);
    await new Promise<void>((resolve) => {
      client.exec('sleep 600', () => resolve());
    });
    const { _sock: socket } = client as unknown as { _sock: Socket };
    client.on('error', () => undefined);
    socket.write(Buffer.alloc(1_000_000, 0xff));
    const session = stage.gateway.sessions.at(-1)!;
    await until('the session has its end', () => session.closes.length === 1);
    assert.equal(session.closes[0]!.reason, 'protocol_error');
    assert.deepEqual(
      session.requests.map(({ responses }) => responses[0]?.status),
      ['cut_off'],
    );
    socket.destroy();
  });

  it('turns the oldest of those away that never log in; whoever logs in is served', async () => {
    const sockets = await Promise.all(Array.from({ length: 500 }, dial));
    const gone = Promise.all(sockets.map(closed));
    await works();
    await gone;
    assert.ok(stage.gateway.refusals.some(({ code }) => code === 'SSH_LOGINS_PENDING'));
    assert.ok(stage.gateway.refusals.some(({ code }) => code === 'SSH_LOGIN_TIMEOUT'));
  });

  it('a client that stops reading holds the producer back: memory stays', async () => {
    stage.gateway.keepRecording = false;
    const client = new ssh2.Client();
    const { _sock: socket, channel } = await new Promise<{ _sock: Socket; channel: ClientChannel }>(
      (resolve, reject) => {
        client.once('error', reject);
        client.once('ready', () =>
          client.exec('cat /dev/zero', (error, opened) => {
            if (error !== undefined) reject(error);
            else resolve({ _sock: (client as unknown as { _sock: Socket })._sock, channel: opened });
          }),
        );
        client.connect({
          host: stage.gateway.host,
          port: stage.gateway.port,
          username: 'main',
          password: TOKEN,
        });
      },
    );
    client.on('error', () => undefined);
    // A client that lies: it opens its window wide, and takes nothing.
    const inside = client as unknown as {
      _protocol: { channelWindowAdjust(id: number, bytes: number): void };
    };
    const { outgoing } = channel as unknown as { outgoing: { id: number } };
    inside._protocol.channelWindowAdjust(outgoing.id, 0x7fff_0000);
    socket.pause();
    const clock = createSystemClock();
    const session = stage.gateway.sessions.at(-1)!;
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    // Long enough for gigabytes.
    await clock.sleep(3000);
    const grown = process.memoryUsage().rss - before;
    assert.ok(grown < 64_000_000, `${Math.round(grown / 1e6)} MB`);
    session.end();
    await until('the session has its end', () => session.closes.length === 1);
    socket.destroy();
    stage.gateway.keepRecording = true;
  });

  it('a recording that lags holds the producer back, and goes on', async () => {
    let release: () => void = () => undefined;
    stage.gateway.recordingBlocked = new Promise((resolve) => {
      release = resolve;
    });
    const ran = stage.clients.ssh(['target', 'head -c 20000000 /dev/zero']);
    await until('it has begun', () => (stage.gateway.sessions.at(-1)?.recorded.length ?? 0) > 0);
    await createSystemClock().sleep(500);
    const bytes = stage.gateway.sessions.at(-1)!.recorded.reduce((sum, piece) => sum + piece.bytes.length, 0);
    assert.ok(bytes < 1_000_000, `${bytes} bytes ahead`);
    stage.gateway.recordingBlocked = undefined;
    release();
    assert.equal((await ran).stdout.length, 20_000_000);
  });

  it('channels past the limit are refused, the others go on', async () => {
    const client = await loggedIn(stage.gateway);
    client.on('error', () => undefined);
    const results = await Promise.all(
      Array.from(
        { length: 14 },
        () =>
          new Promise<string>((resolve) => {
            client.exec('cat', (error, channel) => {
              if (error !== undefined) return resolve('refused');
              channel.once('exit', (code: number) => resolve(`exit ${code}`));
              let said = '';
              channel.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
              channel.once('close', () => resolve(said));
              channel.resume();
              setImmediate(() => channel.end('x'));
            });
          }),
      ),
    );
    // sshd takes ten at a time (MaxSessions); they may end before the next one comes.
    assert.ok(results.filter((result) => result === 'exit 0').length >= 10, results.join());
    client.end();
  });
});

describe('ssh: MaxSessions of the target', { skip: lacking('sshd', 'ssh') }, () => {
  const exec = (client: ssh2.Client, command: string): Promise<ClientChannel> =>
    new Promise((resolve, reject) => {
      client.exec(command, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
    });
  const end = (channel: ClientChannel): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      channel.on('data', (bytes: Buffer) => (text += bytes.toString()));
      channel.stderr.on('data', (bytes: Buffer) => (text += bytes.toString()));
      channel.once('close', (code: number) => resolve(`${code} ${text}`));
    });

  it('reached: the session logs in once more, up to its bound; then a clear error, and the others live on', async () => {
    const stage = await startStage({ sshd: { config: ['MaxSessions 1'] }, options: { targetLoginsMax: 3 } });
    try {
      const client = await loggedIn(stage.gateway);
      const open = await Promise.all(['cat', 'cat', 'cat'].map((command) => exec(client, command)));
      await until('all three run', () => stage.gateway.sessions[0]!.requests.length === 3);
      const echoes = open.map(
        (channel, index) =>
          new Promise<string>((resolve) => {
            channel.once('data', (bytes: Buffer) => resolve(bytes.toString()));
            channel.write(`still here ${index}`);
          }),
      );
      assert.deepEqual(await Promise.all(echoes), ['still here 0', 'still here 1', 'still here 2']);
      assert.match(
        await end(await exec(client, 'true')),
        /^255 countersign: the target opened no further channel/,
      );
      assert.equal(stage.gateway.sessions.length, 1, 'it is one session');
      open[1]!.end();
      await end(open[1]!);
      assert.equal(await end(await exec(client, 'echo room again')), '0 room again\n');
      client.end();
    } finally {
      await stage.stop();
    }
  });

  it('a lockout ends what runs on all of the logins', async () => {
    const stage = await startStage({ sshd: { config: ['MaxSessions 1'] }, options: { targetLoginsMax: 2 } });
    try {
      const client = await loggedIn(stage.gateway);
      client.on('error', () => undefined);
      const names = [1, 2].map((index) => `sleep ${987_000 + index * 100 + (process.pid % 100)}`);
      for (const name of names) await exec(client, `setsid ${name} & sleep 600`);
      const running = (): number =>
        names.reduce((sum, name) => sum + stage.sshd.processesRunning(name).length, 0);
      await until('both run', () => running() === 2);
      const session = stage.gateway.sessions[0]!;
      session.end('lockout');
      await until('both are gone', () => running() === 0);
      await until('the session has its end', () => session.closes.length === 1);
      for (const name of names) assert.ok(session.closes[0]!.evidence!.includes(name));
    } finally {
      await stage.stop();
    }
  });
});
