/** Clients that send garbage, half of something, or too much; and many that do nothing. Others never notice. */
import assert from 'node:assert/strict';
import { connect as dial, type Socket } from 'node:net';
import { connect as dialTls } from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { connect } from './support/client.ts';
import { until } from '../support/until.ts';
import { startWhole, type Login, type Whole } from './support/whole.ts';

interface Raw {
  readonly socket: Socket;
  received: Buffer;
  closed: boolean;
}

describe('clients that misbehave', () => {
  let postgres: TestPostgres;
  let whole: Whole;
  let login: Login;
  before(async () => {
    postgres = await startPostgres();
    whole = await startWhole(postgres);
    login = await whole.issue('good');
  });
  after(async () => {
    await whole?.stop();
    await postgres?.stop();
  });
  const watch = (socket: Socket): Raw => {
    const raw: Raw = { socket, received: Buffer.alloc(0), closed: false };
    socket.on('data', (chunk: Buffer) => {
      raw.received = Buffer.concat([raw.received, chunk]);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => (raw.closed = true));
    return raw;
  };
  const plain = (): Raw => watch(dial(whole.listener.port, whole.listener.host));
  const tls = (): Raw => {
    const { host, port, ca } = whole.listener;
    return watch(dialTls({ host, port, ca, servername: 'localhost', ALPNProtocols: ['postgresql'] }));
  };
  const goodLogin = async (): Promise<void> => {
    const client = await connect(whole, login);
    assert.equal(client.refused, undefined);
    assert.deepEqual((await client.query('select 1')).rows, [[1]]);
    await client.end();
  };
  const refusals = async (code: string): Promise<number> =>
    (await whole.events()).filter(({ body }) => body.kind === 'session_refused' && body.code === code).length;

  it('garbage and frames of 2 GB before a login, plain and within TLS, are refused with a code and an event', async () => {
    const startOf = (bytes: number): Buffer => {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(bytes);
      head.writeUInt32BE(0x30000, 4);
      return head;
    };
    const before = await refusals('POSTGRES_PROTOCOL_VIOLATION');
    const garbage = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(64, 0xff),
      startOf(0x7fff_ffff),
      startOf(4),
    ];
    for (const bytes of garbage)
      for (const raw of [plain(), tls()]) {
        raw.socket.write(bytes);
        await until('it is closed', () => raw.closed);
        assert.match(raw.received.toString('latin1'), /FATAL.*08P01/s);
      }
    await until(
      'each has its event',
      async () => (await refusals('POSTGRES_PROTOCOL_VIOLATION')) === before + garbage.length * 2,
    );
    await goodLogin();
  });

  it('half a message, and then nothing more, holds nothing up', async () => {
    const half = [plain(), tls()];
    for (const { socket } of half) socket.write(Buffer.from([0, 0, 0, 80, 0, 3]));
    await goodLogin();
    for (const raw of half) raw.socket.destroy();
  });

  for (const [what, bytes, code] of [
    ['garbage', Buffer.alloc(100, 0xee), '08P01'],
    ['a frame of 2 GB', Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]), '54000'],
    ['a length below its own', Buffer.from([0x51, 0, 0, 0, 1]), '08P01'],
  ] as const) {
    it(`${what} in a session ends that session with a code, and no other`, async () => {
      const other = await connect(whole, login);
      const bad = await connect(whole, login);
      await bad.query('select 1');
      const asked = other.query('select pg_sleep(0.2), 7');
      bad.socket.write(bytes);
      await until('it is closed', () => bad.closed);
      assert.match(bad.farewell, new RegExp(`^${code}`));
      assert.equal((await asked).rows[0]?.[1], 7);
      await other.end();
    });
  }

  it('half a statement, and then the client goes: the target never gets it, and the session is closed', async () => {
    const client = await connect(whole, login);
    await client.query('create table if not exists half (n int)');
    const text = Buffer.from('insert into half values (1)\0');
    const frame = Buffer.concat([Buffer.from([0x51, 0, 0, 0, text.length + 4]), text]);
    client.socket.write(frame.subarray(0, frame.length - 3));
    client.socket.destroy();
    const check = await connect(whole, login);
    assert.deepEqual((await check.query('select count(*)::int from half')).rows, [[0]]);
    await check.end();
    await until('no session is open', async () => (await whole.metric('countersign_sessions_open')) === 0);
  });

  it('500 half-open logins: the oldest are turned away with a code, and a good one works', async () => {
    const half: Raw[] = [];
    for (let count = 0; count < 500; count += 1) {
      const raw = plain();
      // Some say nothing, some a little, some stop within their handshake.
      if (count % 3 === 1) raw.socket.write(Buffer.from([0, 0]));
      if (count % 3 === 2) raw.socket.write(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
      half.push(raw);
    }
    const { pendingLoginsMax } = whole.config.postgres;
    await until(
      'the oldest were turned away',
      () => half.filter(({ closed }) => closed).length >= 500 - pendingLoginsMax,
    );
    const told = half.filter(
      ({ closed, received }) => closed && /FATAL.*53300/s.test(received.toString('latin1')),
    );
    assert.ok(told.length >= (500 - pendingLoginsMax) * 0.6, `${told.length} were told`);
    assert.ok(
      half.slice(-100).every(({ closed }) => !closed),
      'the newest still have their time',
    );
    await goodLogin();
    await until(
      'the refusals are events',
      async () => (await refusals('POSTGRES_LOGINS_PENDING')) >= 500 - pendingLoginsMax,
    );
    for (const raw of half) raw.socket.destroy();
    await goodLogin();
  });
});
