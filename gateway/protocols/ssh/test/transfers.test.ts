/** Bytes come out as they went in, whatever the cipher and whoever waits: buffers of the data path are used again. */
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import ssh2, { type ClientChannel } from 'ssh2';
import { lacking } from '../../../../test/servers/available.ts';
import { TOKEN } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { startStage, type Stage } from './support.ts';

const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16));
/** Nothing in it repeats, so that nothing out of place goes unseen. */
const someBytes = (megabytes: number): Buffer => stream.update(Buffer.alloc(megabytes * 1_000_003));
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function connect({ gateway }: Stage): Promise<ssh2.Client> {
  const client = new ssh2.Client();
  await new Promise<void>((resolve, reject) => {
    client.once('ready', () => resolve());
    client.once('error', reject);
    client.connect({ host: gateway.host, port: gateway.port, username: 'main', password: TOKEN });
  });
  return client;
}
const open = (client: ssh2.Client, command: string): Promise<ClientChannel> =>
  new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error === undefined ? resolve(channel) : reject(error)));
  });
const readAll = (channel: ClientChannel): Promise<Buffer> =>
  new Promise((resolve) => {
    const pieces: Buffer[] = [];
    channel.on('data', (bytes: Buffer) => pieces.push(bytes));
    channel.once('close', () => resolve(Buffer.concat(pieces)));
  });

describe('ssh: transfers', { skip: lacking('sshd', 'ssh') }, () => {
  for (const cipher of [
    'chacha20-poly1305@openssh.com',
    'aes256-gcm@openssh.com',
    'aes128-gcm@openssh.com',
    'aes256-ctr',
  ])
    it(`with ${cipher}: both ways, both streams, and in the recording`, async () => {
      const stage = await startStage({ sshd: { config: [`Ciphers ${cipher}`] } });
      try {
        const sent = someBytes(9);
        const ran = await stage.clients.ssh(['-c', cipher, 'target', 'tee /dev/stderr'], sent);
        assert.equal(ran.status, 0, ran.stderr.slice(0, 500));
        assert.equal(digest(ran.stdout), digest(sent));
        assert.equal(ran.stderr.length > 0, true);
        const session = stage.gateway.sessions.at(-1)!;
        await until('the session has its end', () => session.closes.length === 1);
        const recorded = (way: string): Buffer =>
          Buffer.concat(session.recorded.filter((piece) => piece.stream === way).map(({ bytes }) => bytes));
        assert.equal(digest(recorded('in')), digest(sent));
        assert.equal(recorded('out').length, 2 * sent.length);
        assert.equal(session.requests[0]!.responses[0]!.bytes, 2 * sent.length);
      } finally {
        await stage.stop();
      }
    });

  it('what waits for a slow reader is not overwritten by what others get meanwhile', async () => {
    const stage = await startStage();
    try {
      const files = [8, 9, 10].map((megabytes, index) => {
        const bytes = someBytes(megabytes);
        const path = join(stage.clients.folder, `file-${index}`);
        writeFileSync(path, bytes, { mode: 0o644 });
        return { bytes, path };
      });
      const client = await connect(stage);
      const slow = await open(client, `cat ${files[0]!.path}`);
      // Nobody reads it: two MiB of it wait on each side.
      slow.pause();
      const others = await Promise.all(
        files.slice(1).map(async ({ path }) => digest(await readAll(await open(client, `cat ${path}`)))),
      );
      assert.deepEqual(
        others,
        files.slice(1).map(({ bytes }) => digest(bytes)),
      );
      const late = readAll(slow);
      slow.resume();
      assert.equal(digest(await late), digest(files[0]!.bytes));
      client.end();
    } finally {
      await stage.stop();
    }
  });
});
