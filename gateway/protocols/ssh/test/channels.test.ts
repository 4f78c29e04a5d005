import assert from 'node:assert/strict';
import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ClientChannel } from 'ssh2';
import { freePorts } from '../../../../main/sample-target/free-ports.ts';
import { lacking } from '../../../../test/servers/available.ts';
import { until } from '../../../../test/support/until.ts';
import { collect, exec, logIn } from './library-client.ts';
import { noTerminals, startStage, type Stage } from './support.ts';

describe('ssh: channels', { skip: lacking('sshd', 'ssh') }, () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage({ options: { env: ['LC_*'] } });
  });
  beforeEach(() => {
    stage.gateway.decide = () => 'allow';
  });
  after(() => stage.stop());
  const session = () => stage.gateway.sessions.at(-1)!;

  it('a denied command does not run; the client hears why, with the decision; the connection goes on', async () => {
    stage.gateway.decide = ({ text }) => (text.includes('forbidden') ? 'deny' : 'allow');
    const client = await logIn(stage);
    const marker = `${stage.sshd.folder}/forbidden`;
    const denied = await collect(await exec(client, `touch ${marker}`));
    assert.equal(denied.code, 126);
    assert.match(
      denied.err,
      /^countersign: denied by policy: the test says so \(rule "test-rule", decision [0-9a-f-]{36}\)\n$/,
    );
    const allowed = await collect(
      await exec(client, `ls ${marker} 2>/dev/null || echo absent`).catch(() => Promise.reject()),
    );
    // The second command names the marker, too.
    assert.equal(allowed.code, 126);
    const other = await collect(await exec(client, `ls ${stage.sshd.folder} | grep -c '^forb' || true`));
    assert.equal(other.out.trim(), '0');
    client.end();
  });

  it('a held command waits, and runs when it is released', async () => {
    let release: (outcome: 'allow' | 'deny') => void = () => undefined;
    stage.gateway.decide = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    const client = await logIn(stage);
    const channel = await exec(client, 'echo released');
    const end = collect(channel);
    await until('it is held', () => session().requests.length === 1);
    release('allow');
    assert.equal((await end).out, 'released\n');
    stage.gateway.decide = () => Promise.resolve('deny');
    assert.equal((await collect(await exec(client, 'echo never'))).code, 126);
    client.end();
  });

  it('a client that gives up a held command: it never runs', async () => {
    let release: (outcome: 'allow') => void = () => undefined;
    stage.gateway.decide = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    const client = await logIn(stage);
    const marker = `${stage.sshd.folder}/gave-up`;
    await exec(client, `touch ${marker}`);
    const { requests, closes } = session();
    await until('it is held', () => requests.length === 1);
    client.end();
    await until('the session has its end', () => closes.length === 1);
    release('allow');
    await until('it is reported', () => requests[0]!.responses.length === 1);
    assert.equal(requests[0]!.responses[0]!.status, 'cut_off');
    const next = await logIn(stage);
    stage.gateway.decide = () => 'allow';
    assert.equal((await collect(await exec(next, `test -e ${marker}`))).code, 1);
    next.end();
  });

  it(
    'a terminal: its size, its changes, its keys; the shell asks line by line',
    { skip: noTerminals },
    async () => {
      const client = await logIn(stage);
      const channel = await new Promise<ClientChannel>((resolve, reject) => {
        client.shell({ rows: 30, cols: 100, term: 'vt100' }, (error, opened) =>
          error === undefined ? resolve(opened) : reject(error),
        );
      });
      let screen = '';
      channel.on('data', (bytes: Buffer) => (screen += bytes.toString()));
      channel.write('stty size\r');
      await until('the size is shown', () => screen.includes('30 100'));
      channel.setWindow(40, 120, 0, 0);
      channel.write('stty size\r');
      await until('the new size is shown', () => screen.includes('40 120'));
      stage.gateway.decide = ({ text }) => (text.includes('forbidden') ? 'deny' : 'allow');
      channel.write('echo for""bidden-shown; echo forbidden\r');
      await until('the denial is shown', () => screen.includes('denied by policy'));
      channel.write('echo go""es-on\r');
      await until(
        () =>
          `the shell goes on: ${JSON.stringify([screen, session().requests.map(({ input }) => input.text)])}`,
        () => screen.includes('goes-on'),
      );
      assert.ok(!screen.includes('forbidden-shown'));
      assert.deepEqual(
        session().requests.map(({ input }) => input.verb),
        ['shell', 'line', 'line', 'line', 'line'],
      );
      channel.end('exit\r');
      client.end();
    },
  );

  it('a shell without a terminal asks line by line, too', async () => {
    stage.gateway.decide = ({ text }) => (text.includes('forbidden') ? 'deny' : 'allow');
    const ran = await stage.clients.ssh(['-T', 'target'], 'echo one\necho forbidden\necho two\nexit 5');
    assert.equal(ran.status, 5);
    assert.equal(ran.stdout.toString(), 'one\ntwo\n');
    assert.match(ran.stderr, /denied by policy/);
  });

  it('sets the environment that is allowed, and no other', async () => {
    const env = { LC_TEST: 'yes', GIT_PROTOCOL: 'version=2' };
    const client = await logIn(stage);
    const shown = await collect(await exec(client, 'echo "$LC_TEST-$GIT_PROTOCOL"', { env }));
    assert.equal(shown.out, 'yes-\n');
    client.end();
  });

  const isRoot = process.getuid?.() === 0 && 'sshd takes no signals for root';
  it('passes signals on', { skip: isRoot }, async () => {
    const client = await logIn(stage);
    const channel = await exec(
      client,
      'trap "echo got it; exit 8" USR1; echo ready; while :; do sleep 0.1; done',
    );
    const end = collect(channel);
    await until('it is ready', () => session().recorded.some(({ bytes }) => bytes.includes('ready')));
    channel.signal('USR1');
    assert.deepEqual([(await end).code, (await end).out], [8, 'ready\ngot it\n']);
    client.end();
  });

  it('closes a channel with what runs in it; others on the connection go on', async () => {
    const client = await logIn(stage);
    const name = `sleep ${900_000 + process.pid}`;
    const first = await exec(client, name);
    const second = await exec(client, 'cat');
    await until('it runs', () => stage.sshd.processesRunning(name).length === 1);
    first.close();
    await until('it is gone', () => stage.sshd.processesRunning(name).length === 0);
    const end = collect(second);
    second.end('still here');
    assert.equal((await end).out, 'still here');
    await until('it is reported', () => session().requests[0]!.responses.length === 1);
    assert.equal(session().requests[0]!.responses[0]!.status, 'cut_off');
    client.end();
  });

  it('records what went by, both ways', async () => {
    const client = await logIn(stage);
    const channel = await exec(client, 'tr a-z A-Z');
    const end = collect(channel);
    channel.end('spoken');
    await end;
    const { recorded, requests } = session();
    const of = (stream: string): string =>
      Buffer.concat(recorded.filter((piece) => piece.stream === stream).map(({ bytes }) => bytes)).toString();
    assert.deepEqual([of('in'), of('out')], ['spoken', 'SPOKEN']);
    assert.ok(recorded.every(({ requestId }) => requestId === requests[0]!.id));
    client.end();
  });
});

describe('ssh: an exec-only connection', { skip: lacking('sshd', 'ssh') }, () => {
  it('takes commands; no shell, no terminal', async () => {
    const stage = await startStage({ options: { execOnly: true } });
    try {
      assert.equal((await stage.clients.ssh(['target', 'echo in'])).stdout.toString(), 'in\n');
      const shell = await stage.clients.ssh(['-T', 'target'], 'echo in\n');
      assert.equal(shell.status, 126);
      assert.match(shell.stderr, /single commands only/);
      const terminal = await stage.clients.ssh(['-tt', 'target', 'echo in']);
      assert.match(terminal.stderr, /PTY allocation request failed/);
    } finally {
      await stage.stop();
    }
  });
});

describe('ssh: forwarding', { skip: lacking('sshd', 'ssh') }, () => {
  let server: Server;
  let port: number;
  before(async () => {
    server = createServer((socket) => socket.on('error', () => undefined).end('from behind\n'));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve());
    });
    ({ port } = server.address() as AddressInfo);
  });
  after(() => {
    server.close();
  });
  const read = (to: number): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: to });
      let text = '';
      socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(text));
    });

  it('is refused unless the connection allows it, and told', async () => {
    const stage = await startStage();
    try {
      const local = await stage.clients.ssh(['-W', `127.0.0.1:${port}`, 'target']);
      assert.equal(local.status, 255);
      assert.match(local.stderr, /open failed/);
      const remote = await stage.clients.ssh([
        '-R',
        `0:127.0.0.1:${port}`,
        '-o',
        'ExitOnForwardFailure=yes',
        '-N',
        'target',
      ]);
      assert.equal(remote.status, 255);
      const [first, second] = stage.gateway.sessions.map(({ requests }) => requests[0]!.input);
      assert.deepEqual(
        [first!.verb, first!.forcedDenial?.rule, second!.verb, second!.forcedDenial?.rule],
        ['direct-tcpip', 'localForwarding', 'tcpip-forward', 'remoteForwarding'],
      );
    } finally {
      await stage.stop();
    }
  });

  it('works both ways where it is allowed, each connection a request with its bytes', async () => {
    const stage = await startStage({ options: { localForwarding: true, remoteForwarding: true } });
    try {
      const local = await stage.clients.ssh(['-W', `127.0.0.1:${port}`, 'target']);
      assert.equal(local.stdout.toString(), 'from behind\n', local.stderr);
      await until('it is reported', () => stage.gateway.sessions[0]!.requests[0]!.responses.length === 1);
      assert.equal(stage.gateway.sessions[0]!.requests[0]!.responses[0]!.bytes, 12);
      const [listen] = await freePorts(1);
      const child = stage.clients.start('ssh', [
        '-F',
        stage.clients.config,
        '-R',
        `127.0.0.1:${listen}:127.0.0.1:${port}`,
        '-o',
        'ExitOnForwardFailure=yes',
        '-N',
        'target',
      ]);
      let text = '';
      await until('the target listens', async () => (text = await read(listen!)) !== '');
      assert.equal(text, 'from behind\n');
      child.kill();
      await until('the session has its end', () => stage.gateway.sessions[1]!.closes.length === 1);
      const verbs = stage.gateway.sessions[1]!.requests.map(({ input }) => input.verb);
      assert.deepEqual([...new Set(verbs)], ['tcpip-forward', 'forwarded-tcpip']);
      assert.ok(stage.gateway.sessions[1]!.requests.every(({ responses }) => responses.length === 1));
    } finally {
      await stage.stop();
    }
  });

  it('of sockets, both ways, and of what a SOCKS client asks for (ssh -D)', async () => {
    const stage = await startStage({ options: { localForwarding: true, remoteForwarding: true } });
    try {
      const [socks] = await freePorts(1);
      const behind = join(stage.sshd.folder, 'behind.sock');
      const local = join(stage.clients.folder, 'local.sock');
      const remote = join(stage.sshd.folder, 'remote.sock');
      const sockets = createServer((socket) => socket.on('error', () => undefined).end('from a socket\n'));
      await new Promise<void>((resolve) => {
        sockets.listen(behind, () => resolve());
      });
      const child = stage.clients.start('ssh', [
        '-F',
        stage.clients.config,
        '-L',
        `${local}:${behind}`,
        '-R',
        `${remote}:127.0.0.1:${port}`,
        '-D',
        `127.0.0.1:${socks}`,
        '-o',
        'ExitOnForwardFailure=yes',
        '-N',
        'target',
      ]);
      const readAll = (to: { path: string } | { host: string; port: number }, first = ''): Promise<string> =>
        new Promise((resolve) => {
          const socket = connect(to as never, () => socket.write(Buffer.from(first, 'latin1')));
          let text = '';
          socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
          socket.on('error', () => undefined);
          socket.once('close', () => resolve(text));
        });
      let text = '';
      await until('the client listens', async () => (text = await readAll({ path: local })) !== '');
      assert.equal(text, 'from a socket\n');
      await until('the target listens', async () => (text = await readAll({ path: remote })) !== '');
      assert.equal(text, 'from behind\n');
      // SOCKS 4: connect to 127.0.0.1 at the port, no user.
      const hello = Buffer.from([4, 1, port >> 8, port & 255, 127, 0, 0, 1, 0]).toString('latin1');
      assert.match(await readAll({ host: '127.0.0.1', port: socks! }, hello), /from behind\n$/);
      child.kill();
      const session = stage.gateway.sessions[0]!;
      await until('the session has its end', () => session.closes.length === 1);
      const verbs = new Set(session.requests.map(({ input }) => input.verb));
      for (const verb of [
        'direct-streamlocal',
        'direct-tcpip',
        'streamlocal-forward@openssh.com',
        'forwarded-streamlocal',
      ])
        assert.ok(verbs.has(verb), verb);
      assert.ok(session.requests.every(({ responses }) => responses.length === 1));
      sockets.close();
    } finally {
      await stage.stop();
    }
  });

  it('of sockets is refused unless the connection allows it, and told', async () => {
    const stage = await startStage();
    try {
      const remote = join(stage.sshd.folder, 'remote.sock');
      const ran = await stage.clients.ssh([
        '-R',
        `${remote}:127.0.0.1:${port}`,
        '-o',
        'ExitOnForwardFailure=yes',
        '-N',
        'target',
      ]);
      assert.equal(ran.status, 255);
      const [request] = stage.gateway.sessions[0]!.requests;
      assert.deepEqual(
        [request!.input.verb, request!.input.text, request!.outcome],
        ['streamlocal-forward@openssh.com', remote, 'deny'],
      );
    } finally {
      await stage.stop();
    }
  });
});
