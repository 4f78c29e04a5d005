import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { lacking } from '../../../../test/servers/available.ts';
import { createSshAnalysis } from '../create-analysis.ts';
import { until } from '../../../../test/support/until.ts';
import { collect, exec, logIn, type Ran } from './library-client.ts';
import { startStage, type Stage } from './support.ts';

const run = async (client: Client, command: string): Promise<Ran> => collect(await exec(client, command));

describe('ssh: the data path with the real analysis', { skip: lacking('sshd', 'ssh') }, () => {
  let denying: Stage;
  let only: Stage;
  before(async () => {
    const analysis = await createSshAnalysis();
    denying = await startStage({
      analysis,
      options: { commands: { deny: ['touch'] }, sftp: { readOnly: true } },
    });
    only = await startStage({
      analysis,
      options: { execOnly: true, commands: { allow: ['echo', 'find /etc -maxdepth 0'] } },
    });
  });
  after(async () => {
    await denying.stop();
    await only.stop();
  });

  it('a denied program does not run, however it is called; secrets are lifted in the event', async () => {
    const client = await logIn(denying);
    const marker = `${denying.sshd.folder}/marker`;
    for (const line of [
      `touch ${marker}`,
      `sh -c 't"ou"ch ${marker}'`,
      `echo x | xargs -I{} touch ${marker}`,
      `$(echo touch) ${marker}`,
    ]) {
      const { code, err } = await run(client, line);
      assert.equal(code, 126, line);
      assert.match(err, /ssh-deny-list/);
    }
    assert.ok(!existsSync(marker));
    assert.equal((await run(client, 'PGPASSWORD=hunter2 echo done')).out, 'done\n');
    const last = denying.gateway.sessions.at(-1)!.requests.at(-1)!;
    assert.match(last.input.text, /^PGPASSWORD=hmac:\w{12} echo done$/);
    assert.deepEqual(
      last.input.actions.map(({ action, object }) => [action, object]),
      [['execute', 'echo']],
    );
    client.end();
  });

  it('SFTP that only reads', async () => {
    const client = await logIn(denying);
    const file = `${denying.sshd.folder}/readable`;
    writeFileSync(file, 'content', { mode: 0o644 });
    const sftp = await new Promise<ssh2.SFTPWrapper>((resolve, reject) =>
      client.sftp((error, made) => (error === undefined ? resolve(made) : reject(error))),
    );
    const content = await new Promise<Buffer>((resolve, reject) =>
      sftp.readFile(file, (error, bytes) => (error === undefined ? resolve(bytes) : reject(error))),
    );
    assert.equal(content.toString(), 'content');
    const refused = await new Promise<Error | undefined>((resolve) =>
      sftp.unlink(file, (error) => resolve(error ?? undefined)),
    );
    assert.match(refused?.message ?? '', /only reads files/);
    assert.ok(existsSync(file));
    client.end();
    const { requests } = denying.gateway.sessions.at(-1)!;
    await until(
      'seen',
      () => requests.find(({ input }) => input.verb === 'sftp open-read')?.responses.length === 1,
    );
    assert.equal(requests.find(({ input }) => input.verb === 'sftp open-read')!.responses[0]!.bytes, 7);
    assert.equal(requests.find(({ input }) => input.verb === 'sftp remove')!.outcome, 'deny');
  });

  it('a line typed at a shell is stopped at Enter, and the shell goes on', async () => {
    const client = await logIn(denying);
    const marker = `${denying.sshd.folder}/typed`;
    const shell = await new Promise<ClientChannel>((resolve, reject) =>
      client.shell({ term: 'xterm', cols: 200, rows: 40 }, (error, channel) =>
        error === undefined ? resolve(channel) : reject(error),
      ),
    );
    let seen = '';
    shell.on('data', (bytes: Buffer) => (seen += bytes.toString()));
    await until('there is a prompt', () => /[#$] $/.test(seen));
    shell.write('echo before\r');
    await until('seen', () => /before\r\n/.test(seen));
    await until('there is a prompt again', () => /[#$] $/.test(seen));
    seen = '';
    shell.write(`touch ${marker}\r`);
    await until('seen', () => seen.includes('ssh-deny-list'));
    shell.write('echo after-$((1+1))\r');
    await until('seen', () => seen.includes('after-2'));
    assert.ok(!existsSync(marker));
    client.end();
    const lines = denying.gateway.sessions.at(-1)!.requests.filter(({ input }) => input.verb === 'line');
    assert.ok(lines.some(({ input, outcome }) => input.text === `touch ${marker}` && outcome === 'deny'));
    assert.ok(
      lines.some(({ input, outcome }) => input.text === 'echo after-$((1+1))' && outcome === 'allow'),
    );
  });

  it('exec-only: what the list names, and no shell', async () => {
    const client = await logIn(only);
    assert.equal((await run(client, "echo 'a b' | echo c")).out, 'c\n');
    assert.equal((await run(client, 'find /etc -maxdepth 0')).out, '/etc\n');
    for (const line of [
      'find /etc -maxdepth 0 -exec id ;',
      'echo $(id)',
      'id',
      'echo a > /tmp/x',
      '/bin/echo x',
    ]) {
      const { code, err } = await run(client, line);
      assert.equal(code, 126, line);
      assert.match(err, /ssh-exec-only/, line);
    }
    const shell = await new Promise<Error | undefined>((resolve) => client.shell((error) => resolve(error)));
    assert.ok(shell !== undefined || only.gateway.sessions.at(-1)!.requests.at(-1)!.outcome === 'deny');
    client.end();
  });
});

describe(
  'ssh: who is held, why it is done, and what an answer may not pass',
  { skip: lacking('sshd', 'ssh') },
  () => {
    let stage: Stage;
    before(async () => {
      stage = await startStage({ analysis: await createSshAnalysis() });
    });
    after(() => stage.stop());
    const session = () => stage.gateway.sessions.at(-1)!;

    it('the client hears what it waits for, and says why it does it', async () => {
      stage.gateway.decide = ({ notify }) => {
        notify?.('waits for a person: https://gateway/approvals/1');
        return Promise.resolve('allow');
      };
      const ran = await stage.clients.run('env', [
        'COUNTERSIGN_REASON=the disk is full',
        'COUNTERSIGN_TICKET=OPS-7',
        'ssh',
        '-F',
        stage.clients.config,
        '-o',
        'SendEnv=COUNTERSIGN_*',
        'target',
        'echo "$COUNTERSIGN_REASON."',
      ]);
      stage.gateway.decide = () => 'allow';
      assert.match(ran.stderr, /countersign: waits for a person: https:\/\/gateway\/approvals\/1/);
      assert.equal(ran.stdout.toString(), '.\n', 'the target does not get it');
      assert.deepEqual(session().requests[0]!.input.stated, { reason: 'the disk is full', ticket: 'OPS-7' });
    });

    it('a client that closes the channel, or types Ctrl-C at a line, gives a hold up', async () => {
      let given = 0;
      stage.gateway.decide = ({ verb, text }) =>
        verb === 'shell' || text === 'echo on' ? 'allow' : new Promise(() => undefined);
      stage.gateway.onGiveUp = () => {
        given += 1;
      };
      const client = await logIn(stage);
      const held = await new Promise<ClientChannel>((resolve, reject) => {
        client.exec('echo held', (error, channel) =>
          error === undefined ? resolve(channel) : reject(error),
        );
      });
      await until('it is held', () => session().requests.length === 1);
      held.close();
      await until('it is given up', () => given === 1);
      const shell = await new Promise<ClientChannel>((resolve, reject) =>
        client.shell({ term: 'xterm', cols: 200, rows: 40 }, (error, channel) =>
          error === undefined ? resolve(channel) : reject(error),
        ),
      );
      let seen = '';
      shell.on('data', (bytes: Buffer) => (seen += bytes.toString()));
      await until('there is a prompt', () => /[#$] $/.test(seen));
      shell.write('echo held\r');
      await until('it is held', () => session().requests.some(({ input }) => input.verb === 'line'));
      shell.write('\u0003');
      await until('it is given up', () => given === 2);
      stage.gateway.decide = () => 'allow';
      client.end();
    });

    it('SFTP: what a read may not pass is refused where it would pass it', async () => {
      const file = `${stage.sshd.folder}/large`;
      writeFileSync(file, Buffer.alloc(500_000, 'x'));
      stage.gateway.decide = ({ verb }) => {
        stage.gateway.limits = verb === 'sftp open-read' ? { bytesMax: 100_000 } : undefined;
        return 'allow';
      };
      try {
        const ran = await stage.clients.run(
          'sftp',
          ['-F', stage.clients.config, '-b', '-', 'target'],
          `get ${file} ${stage.clients.folder}/got\n`,
        );
        assert.notEqual(ran.status, 0);
        assert.match(
          ran.stderr,
          /answer cut off by policy: more than 100000 bytes|Couldn't read|Permission denied/,
        );
      } finally {
        stage.gateway.limits = undefined;
      }
      await until('the session has its end', () => session().closes.length === 1);
      const read = session().requests.find(({ input }) => input.verb === 'sftp open-read')!;
      assert.deepEqual([read.responses[0]!.status, read.responses[0]!.errorCode], ['error', 'SSH_CUT_OFF']);
    });
  },
);
