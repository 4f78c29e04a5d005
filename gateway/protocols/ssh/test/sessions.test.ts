import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { lacking } from '../../../../test/servers/available.ts';
import { startSshd, type TestSshd } from '../../../../test/servers/sshd/sshd.ts';
import { createClients, type Clients } from './clients.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';

describe('ssh: sessions', { skip: lacking('sshd', 'ssh') }, () => {
  let sshd: TestSshd;
  let gateway: TestGateway;
  let clients: Clients;
  before(async () => {
    sshd = await startSshd();
    gateway = await startGateway({
      target: sshd,
      credential: { username: sshd.user, privateKey: sshd.privateKey },
      options: { hostKeys: [...sshd.hostKeys] },
    });
    clients = createClients(gateway);
  });
  after(async () => {
    clients.close();
    await gateway.stop();
    await sshd.stop();
  });

  it('runs a command: both streams, exit status, one request, one response', async () => {
    const ran = await clients.ssh(['target', 'echo out; echo err >&2; exit 7']);
    assert.deepEqual([ran.status, ran.stdout.toString(), ran.stderr], [7, 'out\n', 'err\n']);
    await until('the session is closed', () => gateway.sessions.at(-1)!.closes.length === 1);
    const [request] = gateway.sessions.at(-1)!.requests;
    assert.equal(request!.input.verb, 'exec');
    assert.deepEqual(
      request!.responses.map(({ status, errorCode, bytes }) => ({ status, errorCode, bytes })),
      [{ status: 'error', errorCode: '7', bytes: 8 }],
    );
    assert.equal(gateway.sessions.at(-1)!.closes[0]!.reason, 'client_closed');
  });

  it('passes standard input, its end, and binary bytes', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 256));
    const ran = await clients.ssh(['target', 'cat'], bytes);
    assert.equal(ran.status, 0);
    assert.ok(ran.stdout.equals(bytes));
  });
});
