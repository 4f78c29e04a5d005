/** What a client does while a command of it is held. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { cancelRequest, query } from '../wire/messages.ts';
import { REQUEST_CODES } from '../wire/message-types.ts';
import { startGateway, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';
import type { SeenSession } from '../../test/test-sessions.ts';
import { rawLogin, type RawClient } from './raw-client.ts';

describe('while a command is held', () => {
  let target: TestPostgres;
  let gateway: TestGateway;
  let release: (outcome: 'allow' | 'deny') => void;
  before(async () => {
    target = await startPostgres();
    gateway = await startGateway({
      target,
      credential: { username: target.user, password: target.password },
    });
    gateway.decide = ({ text }) =>
      text.includes('held') ? new Promise((resolve) => (release = resolve)) : 'allow';
  });
  after(async () => {
    await gateway.stop();
    await target.stop();
  });

  const hold = async (text: string): Promise<{ client: RawClient; seen: SeenSession }> => {
    const client = await rawLogin(gateway);
    const seen = gateway.sessions.at(-1)!;
    client.send(query(text));
    await until('it is held', () => seen.requests.some(({ outcome }) => outcome === 'held'));
    return { client, seen };
  };
  const cancel = ({ backendKey }: RawClient): void => {
    const socket = connect(gateway.port, gateway.host);
    socket.on('error', () => undefined);
    socket.end(cancelRequest(REQUEST_CODES.cancel, backendKey.pid, backendKey.key));
  };

  it('a client that hangs up ends its session at once, and the command never runs', async () => {
    const { client, seen } = await hold("select 'held' as hung_up");
    client.socket.destroy();
    await until('the session is closed', () => seen.closes.length > 0);
    assert.equal(seen.closes[0]!.reason, 'client_closed');
    release('allow');
    const other = await rawLogin(gateway);
    other.send(query('select 1'));
    await other.ready(1);
    other.socket.destroy();
    assert.ok(!readFileSync(target.logFile, 'utf8').includes('hung_up'));
  });

  it('a cancel request fails it as the target would, and the session goes on', async () => {
    const { client, seen } = await hold("select 'held' as given_up");
    cancel(client);
    await client.ready(1);
    assert.deepEqual(
      client.errors().map(({ sqlState, message }) => [sqlState, message]),
      [['57014', 'canceling statement due to user request']],
    );
    client.send(query('select 2'));
    await client.ready(2);
    // Allowed when nobody wants it any more: it has not run, and is reported so.
    release('allow');
    const held = seen.requests.find(({ outcome }) => outcome === 'held')!;
    await until('it is reported', () => held.responses.length > 0);
    assert.deepEqual(
      held.responses.map(({ status }) => status),
      ['cancelled'],
    );
    client.socket.destroy();
  });

  it('a cancelled command aborts its transaction', async () => {
    const { client } = await hold("begin; select 'held'");
    cancel(client);
    await client.ready(1);
    client.send(query('begin'), query("select 'held' as again"));
    await client.ready(2);
    cancel(client);
    await client.ready(3);
    assert.equal(client.messages.at(-1)!.body.toString(), 'E');
    client.socket.destroy();
  });

  it('what a client sends meanwhile is answered in order, also when it is more than is kept', async () => {
    const { client } = await hold("select 'held'");
    const large = `select length('${'x'.repeat(100_000)}')`;
    client.send(...Array.from({ length: 10 }, () => query(large)));
    release('allow');
    await client.ready(11);
    assert.equal(client.messages.filter(({ type }) => type === 'C').length, 11);
    client.socket.destroy();
  });
});
