import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { pythonClients } from '../../../../test/servers/sshd/python-clients.ts';
import { TOKEN } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import { noTerminals, startStage, type Stage } from './support.ts';

const PARAMIKO = `
import sys, paramiko
host, port, token, there, terminal = sys.argv[1:]
client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect(host, int(port), 'robot+main', token, allow_agent=False, look_for_keys=False)
_, out, err = client.exec_command('echo out; echo err >&2; exit 3')
print(out.read().decode().strip(), err.read().decode().strip(), out.channel.recv_exit_status())
sftp = client.open_sftp()
with sftp.open(there + '/paramiko', 'wb') as file: file.write(b'p' * 500000)
print(sftp.stat(there + '/paramiko').st_size)
if terminal != 'yes':
    client.close()
    sys.exit()
channel = client.invoke_shell()
channel.send('echo shell-$((40+2))\\rexit\\r')
seen = b''
while True:
    piece = channel.recv(4096)
    if not piece: break
    seen += piece
print('shell-42' in seen.decode())
client.close()
`;
const ASYNCSSH = `
import sys, asyncio, asyncssh
host, port, token, there, _ = sys.argv[1:]
async def main():
    async with asyncssh.connect(host, int(port), username='robot+main', password=token, known_hosts=None, client_keys=None) as client:
        results = await asyncio.gather(*(client.run(f'echo {i}; exit {i}') for i in range(6)))
        print([(r.stdout.strip(), r.exit_status) for r in results])
        async with client.start_sftp_client() as sftp:
            async with sftp.open(there + '/asyncssh', 'wb') as file: await file.write(b'a' * 500000)
            print(await sftp.getsize(there + '/asyncssh'))
asyncio.run(main())
`;

/** With CI set nothing is left out. */
function withoutClients(context: TestContext): void {
  assert.equal(process.env['CI'], undefined, 'CI is set, and the clients in Python cannot be installed here');
  context.skip('cannot be installed here');
}

const terminal = noTerminals === false ? 'yes' : 'no';

describe('ssh: clients in Python', { skip: lacking('sshd', 'ssh', 'python3') }, () => {
  let stage: Stage;
  let bin: string | undefined;
  let there: string;
  before(async () => {
    bin = pythonClients();
    stage = await startStage();
    there = join(stage.sshd.folder, 'there');
    mkdirSync(there);
  });
  after(() => stage.stop());
  const python = async (context: TestContext, script: string): Promise<string | undefined> => {
    if (bin === undefined) {
      withoutClients(context);
      return undefined;
    }
    const { host, port } = stage.gateway;
    const ran = await stage.clients.run(join(bin, 'python'), [
      '-c',
      script,
      host,
      String(port),
      TOKEN,
      there,
      terminal,
    ]);
    assert.equal(ran.status, 0, ran.stderr);
    await until('every session has its end', () =>
      stage.gateway.sessions.every(({ closes }) => closes.length === 1),
    );
    return ran.stdout.toString();
  };

  it('paramiko: a command, files, a shell', async (context) => {
    const out = await python(context, PARAMIKO);
    if (out !== undefined) assert.equal(out, `out err 3\n500000\n${terminal === 'yes' ? 'True\n' : ''}`);
  });

  it('asyncssh: many commands at once, files', async (context) => {
    const out = await python(context, ASYNCSSH);
    if (out !== undefined)
      assert.equal(out, "[('0', 0), ('1', 1), ('2', 2), ('3', 3), ('4', 4), ('5', 5)]\n500000\n");
  });

  it('Ansible: facts, a copied file, pipelining off', async (context) => {
    if (bin === undefined) return withoutClients(context);
    const inventory = join(stage.clients.folder, 'inventory');
    const python3 = join(bin, 'python');
    writeFileSync(
      inventory,
      `target ansible_ssh_common_args='-F ${stage.clients.config}' ansible_python_interpreter=${python3}\n`,
    );
    const source = join(stage.clients.folder, 'source');
    writeFileSync(source, 'copied by ansible\n');
    const ansible = (...args: string[]) =>
      stage.clients.run(join(bin!, 'ansible'), ['-i', inventory, 'target', ...args]);
    const ping = await ansible('-m', 'ping');
    assert.equal(ping.status, 0, `${ping.stdout.toString()} ${ping.stderr}`);
    const copied = await ansible('-m', 'copy', '-a', `src=${source} dest=${there}/ansible`);
    assert.equal(copied.status, 0, `${copied.stdout.toString()} ${copied.stderr}`);
    assert.equal(readFileSync(join(there, 'ansible'), 'utf8'), 'copied by ansible\n');
    return undefined;
  });
});
