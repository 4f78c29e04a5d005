/** The data path with the analysis that ships: lines at a real shell, files by a real sftp, lists of an exec-only connection. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import ssh2, { type ClientChannel } from 'ssh2';
import { lacking } from '../../../../test/servers/available.ts';
import { createSshAnalysis } from '../create-analysis.ts';
import { TOKEN } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { noTerminals, startStage, type Stage } from './support.ts';

describe('ssh: with the analysis that ships', { skip: lacking('sshd', 'ssh') }, () => {
  let stage: Stage;
  let there: string;
  before(async () => {
    stage = await startStage({ analysis: await createSshAnalysis() });
    there = join(stage.sshd.folder, 'there');
    mkdirSync(there);
    writeFileSync(join(there, 'secret'), 'contents');
  });
  beforeEach(() => {
    stage.gateway.decide = () => 'allow';
  });
  after(() => stage.stop());
  const session = () => stage.gateway.sessions.at(-1)!;

  it('an exec line is told by its programs and actions', async () => {
    const ran = await stage.clients.ssh(['target', `cat ${there}/secret | wc -c`]);
    assert.equal(ran.stdout.toString().trim(), '8');
    const { input } = session().requests[0]!;
    assert.ok(input.actions.some(({ object }) => object?.includes('secret')));
    assert.ok(input.fingerprint !== null);
  });

  it('a denied line at a real shell never runs; the shell goes on', { skip: noTerminals }, async () => {
    const marker = join(there, 'made-by-the-shell');
    stage.gateway.decide = ({ text }) => (text.includes('made-by-the-shell') ? 'deny' : 'allow');
    const client = new ssh2.Client();
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      client.once('error', reject);
      client.once('ready', () =>
        client.shell({ term: 'xterm', cols: 100, rows: 30 }, (error, opened) =>
          error === undefined ? resolve(opened) : reject(error),
        ),
      );
      client.connect({
        host: stage.gateway.host,
        port: stage.gateway.port,
        username: 'main',
        password: TOKEN,
      });
    });
    let screen = '';
    channel.on('data', (bytes: Buffer) => (screen += bytes.toString()));
    channel.write('PS1="ready> "\r');
    await until('the prompt is there', () => screen.endsWith('ready> '));
    channel.write(`touch ${marker}\r`);
    await until('the denial is shown', () => screen.includes('denied by policy'));
    channel.write('echo still-$((40+2))\r');
    await until('the shell goes on', () => screen.includes('still-42'));
    assert.equal(existsSync(marker), false);
    assert.ok(
      session().requests.some(({ input }) => input.verb !== 'shell' && input.text.includes('echo still')),
      JSON.stringify(session().requests.map(({ input }) => [input.verb, input.text])),
    );
    channel.end('exit\r');
    client.end();
  });

  it('each operation of sftp is a request; a denied one fails by itself', async () => {
    stage.gateway.decide = ({ verb, text }) =>
      verb.startsWith('sftp') && text.includes('secret') ? 'deny' : 'allow';
    const local = join(stage.clients.folder, 'local');
    writeFileSync(local, 'uploaded');
    const batch = `-get ${there}/secret ${local}-down\nput ${local} ${there}/up\nls ${there}\n`;
    const ran = await stage.clients.run(
      'sftp',
      ['-q', '-b', '-', '-F', stage.clients.config, 'target'],
      batch,
    );
    assert.equal(ran.status, 0, ran.stderr);
    assert.equal(existsSync(`${local}-down`) && readFileSync(`${local}-down`, 'utf8') === 'contents', false);
    assert.equal(readFileSync(join(there, 'up'), 'utf8'), 'uploaded');
    await until('all is answered', () => session().closes.length === 1);
    const { requests } = session();
    assert.ok(requests.some(({ input, outcome }) => input.text.includes('secret') && outcome === 'deny'));
    const upload = requests.find(
      ({ input }) => input.text.includes(`${there}/up`) && input.verb.includes('write'),
    );
    assert.equal(
      upload?.responses[0]?.bytes,
      8,
      JSON.stringify(requests.map(({ input }) => [input.verb, input.text])),
    );
    assert.equal(upload?.responses[0]?.bodyDigest?.length, 32);
    for (const { outcome, responses } of requests) assert.equal(responses.length, outcome === 'deny' ? 0 : 1);
  });
});
