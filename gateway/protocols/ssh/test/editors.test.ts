/** Clients that lean on more than a command: a mounted folder (sshfs), an editor's server (VS Code Remote's way), OpenSSH 10. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { freePorts } from '../../../../main/sample-target/free-ports.ts';
import { openssh10 } from '../../../../test/servers/sshd/openssh-10.ts';
import { createSshAnalysis } from '../create-analysis.ts';
import { listens } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { noTerminals, startStage, type Stage } from './support.ts';

const isMounted = (folder: string): boolean => readFileSync('/proc/mounts', 'utf8').includes(` ${folder} `);
const noFuse =
  process.getuid?.() === 0 && existsSync('/dev/fuse') ? false : 'mounting needs /dev/fuse and root';

describe('ssh: sshfs', { skip: lacking('sshd', 'ssh', 'sshfs') || noFuse }, () => {
  it('a folder is mounted, read, written and changed as if it were here; each operation is an event', async () => {
    const stage = await startStage({ analysis: await createSshAnalysis() });
    const mounted = join(stage.clients.folder, 'mounted');
    const there = join(stage.sshd.folder, 'there');
    mkdirSync(mounted);
    mkdirSync(there);
    writeFileSync(join(there, 'before'), 'there before');
    // What works on the mounted folder runs in another process: this one is the gateway.
    const work = (script: string) => stage.clients.run('sh', ['-c', `set -e; cd ${mounted}; ${script}`]);
    const child = stage.clients.start('sshfs', [
      '-f',
      '-F',
      stage.clients.config,
      `target:${there}`,
      mounted,
    ]);
    let said = '';
    child.stderr!.on('data', (bytes) => (said += String(bytes)));
    try {
      await until('it is mounted', () => isMounted(mounted) || said !== '');
      const ran = await work(
        'cat before; head -c 3000000 /dev/zero > large; wc -c < large; mkdir folder; mv large folder/moved; ln -s folder/moved link; ls folder; chmod 600 folder/moved; rm before',
      );
      assert.equal(ran.status, 0, ran.stderr + said);
      assert.equal(ran.stdout.toString().replaceAll(' ', ''), 'therebefore3000000\nmoved\n');
      assert.equal(statSync(join(there, 'folder', 'moved')).size, 3_000_000);
      assert.equal(statSync(join(there, 'folder', 'moved')).mode & 0o777, 0o600);
      assert.match(readlinkSync(join(there, 'link')), /folder\/moved$/);
      assert.ok(!existsSync(join(there, 'before')));
    } finally {
      spawnSync('fusermount3', ['-u', mounted]);
      if (isMounted(mounted)) spawnSync('umount', ['-l', mounted]);
      await until('it is over', () => stage.gateway.sessions.every(({ closes }) => closes.length === 1));
      const verbs = new Set(stage.gateway.sessions[0]!.requests.map(({ input }) => input.verb));
      await stage.stop();
      for (const verb of [
        'open-read',
        'open-write',
        'mkdir',
        'rename',
        'symlink',
        'remove',
        'setstat',
        'readdir',
      ])
        assert.ok(
          [...verbs].some((seen) => seen === `sftp ${verb}` || seen.startsWith(`sftp ${verb}`)),
          `${verb}: ${[...verbs].join()}`,
        );
    }
  });
});

/** What the editor sends: a long script that starts its server on a port and on a socket, and says where. */
const editorScript = (folder: string): string => `
# ${'a long script '.repeat(2000)}
uname -s
cat > ${folder}/server.cjs <<'END'
const net = require('node:net');
const echo = (socket) => socket.on('error', () => undefined).pipe(socket);
const tcp = net.createServer(echo).listen(0, '127.0.0.1', () =>
  net.createServer(echo).listen('${folder}/server.sock', () =>
    console.log('listeningOn==' + tcp.address().port + '==')));
END
'${process.execPath}' ${folder}/server.cjs &
wait
`;

describe(
  'ssh: an editor that works through its own server (VS Code Remote)',
  { skip: lacking('sshd', 'ssh') },
  () => {
    it('ssh -T -D PORT host bash, a script on its standard input, many connections, a forwarded socket', async () => {
      const stage = await startStage({
        analysis: await createSshAnalysis(),
        options: { localForwarding: true },
      });
      try {
        const [socks] = await freePorts(1);
        const folder = join(stage.sshd.folder, 'editor');
        mkdirSync(folder);
        const { config } = stage.clients;
        const main = stage.clients.start('ssh', [
          '-F',
          config,
          '-T',
          '-D',
          `127.0.0.1:${socks}`,
          'target',
          'bash',
        ]);
        let out = '';
        main.stdout!.on('data', (bytes) => (out += String(bytes)));
        main.stdin!.end(editorScript(folder));
        await until('the server listens', () => out.includes('listeningOn=='));
        const port = Number(/listeningOn==(\d+)==/.exec(out)![1]);
        const talk = (
          to: { port: number } | { path: string },
          hello: Buffer,
          words: string,
        ): Promise<string> =>
          new Promise((resolve, reject) => {
            const socket = connect(to as never);
            let text = '';
            socket.once('error', reject);
            socket.on('data', (bytes: Buffer) => {
              text += bytes.toString('latin1');
              if (text.endsWith(words)) socket.destroy();
            });
            socket.once('close', () => resolve(text));
            socket.write(Buffer.concat([hello, Buffer.from(words)]));
          });
        // SOCKS 5 without a login, by address.
        const socks5 = Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]);
        const words = Array.from({ length: 40 }, (_, index) => `${index} `.repeat(5000));
        const answers = await Promise.all(words.map((text) => talk({ port: socks! }, socks5, text)));
        for (const [index, answer] of answers.entries())
          assert.ok(answer.endsWith(words[index]!), `${index}`);
        const socket = join(stage.clients.folder, 'editor.sock');
        const second = stage.clients.start('ssh', [
          '-F',
          config,
          '-N',
          '-L',
          `${socket}:${folder}/server.sock`,
          'target',
        ]);
        await until('the socket listens', () => listens(socket));
        assert.equal(await talk({ path: socket }, Buffer.alloc(0), 'over a socket'), 'over a socket');
        second.kill();
        const session = stage.gateway.sessions[0]!;
        main.kill();
        await until('both have their end', () =>
          stage.gateway.sessions.every(({ closes }) => closes.length === 1),
        );
        await until(
          'the server is gone',
          () => stage.sshd.processesRunning(`${process.execPath} ${folder}/server.cjs`).length === 0,
        );
        assert.ok(session.requests[0]!.input.actions.some(({ action }) => action === 'opaque_code'));
        assert.equal(session.requests.filter(({ input }) => input.verb === 'direct-tcpip').length, 40);
        assert.ok(session.requests.every(({ responses }) => responses.length === 1));
      } finally {
        await stage.stop();
      }
    });
  },
);

describe('ssh: OpenSSH 10', { skip: lacking('sshd', 'ssh') }, () => {
  let stage: Stage;
  let bin: string | undefined;
  before(async () => {
    bin = openssh10();
    stage = await startStage({ options: { localForwarding: true } });
  });
  after(() => stage?.stop());
  const run = async (context: TestContext, program: string, args: readonly string[], input = '') => {
    if (bin === undefined) {
      assert.equal(process.env['CI'], undefined, 'CI is set, and OpenSSH 10 cannot be had here');
      context.skip('cannot be had here');
      return undefined;
    }
    return await stage.clients.run(join(bin, program), args, input);
  };

  it('a command with its exit status, a terminal, bytes both ways', async (context) => {
    const { config } = stage.clients;
    const ran = await run(context, 'ssh', ['-F', config, 'target', 'tr a-z A-Z; exit 7'], 'words');
    if (ran === undefined) return;
    assert.deepEqual([ran.status, ran.stdout.toString(), ran.stderr], [7, 'WORDS', '']);
    assert.equal(stage.gateway.sessions.at(-1)!.opening.client.version?.startsWith('10.'), true);
    if (noTerminals !== false) return;
    const terminal = await run(context, 'ssh', ['-tt', '-F', config, 'target', 'tty && stty size']);
    assert.match(terminal!.stdout.toString(), /^\/dev\/pts\/\d+\r\n/);
  });

  it('scp, sftp, several commands over one connection', async (context) => {
    const { config, folder } = stage.clients;
    const there = join(stage.sshd.folder, 'ten');
    mkdirSync(there, { recursive: true });
    writeFileSync(join(folder, 'file'), Buffer.alloc(2_000_000, 'y'));
    const scp = await run(context, 'scp', [
      '-S',
      join(bin ?? '', 'ssh'),
      '-F',
      config,
      join(folder, 'file'),
      `target:${there}/up`,
    ]);
    if (scp === undefined) return;
    assert.equal(scp.status, 0, scp.stderr);
    assert.equal(statSync(join(there, 'up')).size, 2_000_000);
    const sftp = await run(
      context,
      'sftp',
      ['-S', join(bin!, 'ssh'), '-F', config, '-b', '-', 'target'],
      `rename ${there}/up ${there}/renamed\nls ${there}\n`,
    );
    assert.equal(sftp!.status, 0, sftp!.stderr);
    assert.deepEqual(readdirSync(there), ['renamed']);
    const control = [
      '-o',
      'ControlMaster=auto',
      '-o',
      `ControlPath=${folder}/master`,
      '-o',
      'ControlPersist=20',
    ];
    for (const word of ['one', 'two', 'three']) {
      const ran = await run(context, 'ssh', ['-F', config, ...control, 'target', `echo ${word}`]);
      assert.equal(ran!.stdout.toString(), `${word}\n`, ran!.stderr);
    }
    await run(context, 'ssh', ['-F', config, ...control, '-O', 'exit', 'target']);
  });

  it('new keys in the middle, asked for by the client', async (context) => {
    const { config } = stage.clients;
    const ran = await run(context, 'ssh', [
      '-F',
      config,
      '-o',
      'RekeyLimit=200K',
      'target',
      'head -c 3000000 /dev/zero',
    ]);
    if (ran !== undefined) assert.equal(ran.stdout.length, 3_000_000, ran.stderr);
  });
});
