import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { decodeError } from '../wire/decode.ts';
import { message, startup } from '../wire/messages.ts';
import { libraryClient, startGateway, TOKEN, USER, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';

let target: TestPostgres;
let gateway: TestGateway;

before(async () => {
  target = await startPostgres();
  gateway = await startGateway({
    target,
    credential: { username: target.user, password: target.password },
    listener: { pendingLoginsMax: 50 },
  });
});
after(async () => {
  await gateway.stop();
  await target.stop();
});

interface Raw {
  readonly socket: Socket;
  received: Buffer;
  closed: boolean;
}
function dial(port = gateway.port): Raw {
  const raw: Raw = { socket: connect(port, gateway.host), received: Buffer.alloc(0), closed: false };
  raw.socket.on('data', (chunk: Buffer) => {
    raw.received = Buffer.concat([raw.received, chunk]);
  });
  raw.socket.on('error', () => {});
  raw.socket.on('close', () => {
    raw.closed = true;
  });
  return raw;
}

async function client(port = gateway.port): Promise<pg.Client> {
  const made = libraryClient({ host: gateway.host, port });
  await made.connect();
  return made;
}

const streamOf = (of: pg.Client): Socket =>
  (of as unknown as { connection: { stream: Socket } }).connection.stream;

async function goodLogin(): Promise<void> {
  const good = await client();
  assert.deepEqual((await good.query('select 1 as a')).rows, [{ a: 1 }]);
  await good.end();
}

describe('before a login', () => {
  it('garbage is answered with an error and closed', async () => {
    for (const bytes of [
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0]),
      Buffer.from([0, 0, 0, 8, 0, 2, 0, 0]),
      Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]),
    ]) {
      const raw = dial();
      raw.socket.write(bytes);
      await until('it is closed', () => raw.closed);
      assert.equal(decodeError(raw.received, 0, raw.received.length).sqlState, '08P01');
    }
    assert.ok(gateway.refusals.some(({ code }) => code === 'POSTGRES_PROTOCOL_VIOLATION'));
    await goodLogin();
  });

  it('2 GB announced as a password are refused at once', async () => {
    const raw = dial();
    raw.socket.write(
      startup(
        0x30000,
        new Map([
          ['user', USER],
          ['database', 'main'],
        ]),
      ),
    );
    await until('it asks for SASL', () => raw.received.length > 0);
    raw.socket.write(Buffer.from([0x70, 0x7f, 0xff, 0xff, 0xff, 0x41]));
    await until('it is closed', () => raw.closed);
    await goodLogin();
  });

  it('500 half-open logins do not keep a good one out, and the oldest hear why', async () => {
    const half: Raw[] = [];
    for (let count = 0; count < 500; count += 1) {
      const raw = dial();
      if (count % 2 === 0) raw.socket.write(Buffer.from([0, 0]));
      half.push(raw);
    }
    await until('most were turned away', () => half.filter(({ closed }) => closed).length >= 440);
    const told = half.filter(({ received }) => received.length > 0);
    assert.ok(told.length > 400, `${told.length} were told`);
    assert.equal(decodeError(told[0]!.received, 0, told[0]!.received.length).sqlState, '53300');
    await goodLogin();
    for (const raw of half) raw.socket.destroy();
  });

  it('a wrong token and a name that nobody has fail alike, and a network that goes on failing must wait', async () => {
    const own = await startGateway({
      target,
      credential: { username: target.user, password: target.password },
    });
    const attempt = async (user: string, password: string): Promise<pg.DatabaseError | undefined> => {
      const bad = libraryClient(own, { user, password });
      try {
        await bad.connect();
        await bad.end();
        return undefined;
      } catch (error) {
        return error as pg.DatabaseError;
      }
    };
    const wrong = await attempt(USER, 'wrong');
    const nobody = await attempt('nobody', TOKEN);
    assert.equal(wrong?.code, '28P01');
    assert.equal(nobody?.code, '28P01');
    let last: pg.DatabaseError | undefined;
    for (let count = 0; count < 20; count += 1) last = await attempt(USER, 'wrong');
    assert.match(last!.message, /too many failed logins/);
    assert.ok(own.refusals.some(({ code }) => code === 'POSTGRES_LOGIN_THROTTLED'));
    await own.stop();
  });

  it('a client that dawdles is timed out', async () => {
    const own = await startGateway({
      target,
      credential: { username: target.user, password: target.password },
      listener: { loginTimeoutMs: 50 },
    });
    const raw = dial(own.port);
    raw.socket.write(startup(0x30000, new Map([['user', USER]])));
    await until('it is closed', () => raw.closed);
    assert.deepEqual(own.refusals, [{ code: 'POSTGRES_LOGIN_TIMEOUT', claimedName: USER, identity: null }]);
    await own.stop();
  });

  it('replication and encodings that are not ASCII-safe are refused, other parameters are filtered', async () => {
    const attempt = async (parameters: Record<string, string>): Promise<string> => {
      const made = libraryClient(gateway, parameters);
      try {
        await made.connect();
        const { rows } = await made.query(
          "select current_setting('statement_timeout') || ' ' || current_setting('client_connection_check_interval') || ' ' || current_setting('session_replication_role') as s",
        );
        await made.end();
        return (rows[0] as { s: string }).s;
      } catch (error) {
        return (error as Error).message;
      }
    };
    assert.match(await attempt({ replication: 'database' }), /replication connections are not allowed/);
    assert.match(await attempt({ options: '-c client_encoding=SJIS' }), /not ASCII-safe/);
    assert.equal(
      await attempt({
        options:
          '-c statement_timeout=7s -c client_connection_check_interval=0 -c session_replication_role=replica',
      }),
      '7s 500ms origin',
    );
    assert.match(await attempt({ options: '-B 1' }), /startup parameter "options" is refused/);
  });
});

describe('in a session', () => {
  it('garbage ends it with an error, and the backend goes', async () => {
    for (const bytes of [
      Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]),
      Buffer.from([0x01, 0, 0, 0, 4]),
      Buffer.from([0x51, 0, 0, 0, 3]),
      message(0x51, Buffer.from('select 1\0; select 2\0')),
      message(0x42, Buffer.from('x')),
      message(0x45, Buffer.from('x')),
    ]) {
      const made = await client();
      const seen = gateway.sessions.at(-1)!;
      const gone = new Promise((resolve) => {
        made.once('end', resolve);
      });
      streamOf(made).write(bytes);
      await gone;
      await until('it is closed', () => seen.closes.length === 1);
      assert.equal(seen.closes[0]!.reason, 'protocol_error');
      assert.equal(seen.requests.length, 0);
    }
    await goodLogin();
  });

  it('a statement sent a byte at a time runs once', async () => {
    const made = await client();
    const seen = gateway.sessions.at(-1)!;
    const stream = streamOf(made);
    const bytes = message(0x51, Buffer.from('select 41 + 1 as a\0'));
    for (const byte of bytes) {
      stream.write(Buffer.from([byte]));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    await until('it is answered', () => (seen.requests[0]?.responses.length ?? 0) === 1);
    assert.equal(seen.requests.length, 1);
    assert.equal(seen.requests[0]!.input.text, 'select 41 + 1 as a');
    stream.destroy();
  });

  it('a half statement does not reach the target when the client goes', async () => {
    const made = await client();
    const seen = gateway.sessions.at(-1)!;
    streamOf(made).write(message(0x51, Buffer.from('create table half (i int)\0')).subarray(0, 20));
    streamOf(made).end();
    await until('it is closed', () => seen.closes.length === 1);
    assert.equal(seen.requests.length, 0);
  });
});
