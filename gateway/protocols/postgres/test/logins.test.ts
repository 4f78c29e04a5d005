/** Logins as real clients make them: names, what is tried first, time-outs, keys to cancel by. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { findPostgres } from '../../../../main/sample-target/postgres-binaries.ts';
import { makeLoopbackCertificate } from '../../../../main/tls.ts';
import { createSystemClock } from '../../../../platform/clock/system-clock.ts';
import { lacking } from '../../../../test/servers/available.ts';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { until } from '../../../../test/support/until.ts';
import { readLoginName } from '../login/login-name.ts';
import {
  cancelRequest,
  message,
  query,
  requestCode,
  saslInitialResponse,
  startup,
} from '../wire/messages.ts';
import { startGateway, TOKEN, USER, type TestGateway } from './gateway.ts';
import { rawLogin } from './raw-client.ts';

const CANCEL = 80_877_102;
let target: TestPostgres;
let gateway: TestGateway;
/** First messages of the gateway's connections to the target. */
const firsts: Buffer[] = [];
const spy = createServer((client) => {
  const server = connect(target.port, target.host);
  client.once('data', (chunk: Buffer) => firsts.push(chunk));
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.on('error', () => to.destroy());
    from.pipe(to);
  }
});

before(async () => {
  target = await startPostgres();
  await new Promise<void>((done) => spy.listen(0, '127.0.0.1', done));
  gateway = await startGateway({
    target: { host: '127.0.0.1', port: (spy.address() as { port: number }).port },
    credential: { username: target.user, password: target.password },
    options: { anyDatabase: true },
    listener: { tls: await makeLoopbackCertificate(createSystemClock().now()) },
  });
});
after(async () => {
  await gateway.stop();
  spy.close();
  await target.stop();
});

/** libpq 18 comes with the server of the tests: psql of any age takes it. */
const LIBPQ = join(findPostgres().folder, 'lib');
const start = (connection: string, sql: string): ChildProcess =>
  spawn('psql', ['-X', '-At', '-c', sql, `host=127.0.0.1 port=${gateway.port} ${connection}`], {
    env: { ...process.env, PGPASSWORD: TOKEN, LD_LIBRARY_PATH: LIBPQ },
  });

function ending(child: ChildProcess): Promise<{ out: string; err: string }> {
  return new Promise((done) => {
    let out = '';
    let err = '';
    child.stdout!.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr!.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('close', () => done({ out, err }));
  });
}
const psql = (connection: string, sql: string): Promise<{ out: string; err: string }> =>
  ending(start(connection, sql));

describe('psql', { skip: lacking('psql') }, () => {
  const ways: [string, string, boolean][] = [
    ['gssencmode=prefer', 'gssencmode=prefer sslmode=prefer', true],
    ['TLS at once', 'sslmode=require sslnegotiation=direct', true],
    ['TLS on request', 'sslmode=require sslnegotiation=postgres', true],
    ['no TLS', 'sslmode=disable', false],
    ['several hosts, the second one there', `hostaddr=127.0.0.2,127.0.0.1 port=1,%PORT%`, true],
    ['a host that takes writes', 'target_session_attrs=read-write', true],
    ['a primary', 'target_session_attrs=primary', true],
  ];
  for (const [name, options, tls] of ways)
    it(`logs in: ${name}`, async () => {
      const given = options.replace('%PORT%', String(gateway.port));
      const host = given.includes('hostaddr') ? 'host=a,b' : '';
      const ran = await psql(`${host} user=${USER} dbname=main ${given}`, 'select 1');
      assert.deepEqual(ran, { out: '1\n', err: '' });
      assert.equal(gateway.sessions.at(-1)!.opening.tls, tls);
    });

  it('speaks 3.2 and 3.0, and cancels in both', async () => {
    for (const version of ['3.2', '3.0']) {
      const before = gateway.sessions.length;
      const child = start(
        `user=${USER} dbname=main min_protocol_version=${version} max_protocol_version=${version}`,
        'select pg_sleep(600)',
      );
      const ended = ending(child);
      await until('it was sent', () => gateway.sessions[before]?.requests.length === 1);
      child.kill('SIGINT');
      assert.match((await ended).err, /canceling statement due to user request/);
    }
  });

  it('does not take this one for a standby', async () => {
    const ran = await psql(`user=${USER} dbname=main target_session_attrs=standby`, 'select 1');
    assert.match(ran.err, /not in hot standby mode/);
  });

  it('is refused where it asks for replication', async () => {
    for (const kind of ['database', 'true']) {
      const ran = await psql(
        `user=${USER} dbname=main sslmode=disable replication=${kind}`,
        'IDENTIFY_SYSTEM',
      );
      assert.match(ran.err, /replication connections are not allowed/);
    }
    assert.equal(gateway.refusals.filter(({ code }) => code === 'POSTGRES_REPLICATION_REFUSED').length, 2);
  });
});

describe('the name of the connection', { skip: lacking('psql') }, () => {
  const names: [string, string, string][] = [
    ['is the database', `user=${USER} dbname=main`, 'postgres'],
    ['stands before the database', `user=${USER} dbname=main/template1`, 'template1'],
    ['stands behind the user', `user=${USER}+main dbname=template1`, 'template1'],
    ['stands behind the user, without a database', `user=${USER}+main`, 'postgres'],
    ['stands behind the token', `user=${USER}#t1+main dbname=postgres`, 'postgres'],
  ];
  for (const [name, options, database] of names)
    it(name, async () => {
      const ran = await psql(options, 'select current_database()');
      assert.deepEqual(ran, { out: `${database}\n`, err: '' });
      const { opening } = gateway.sessions.at(-1)!;
      assert.deepEqual(
        [opening.target.connection, opening.target.database, opening.identity.id],
        ['main', database, 'countersign/robot'],
      );
    });

  it('is asked of nobody else where there is none of that name', async () => {
    const ran = await psql(`user=${USER}+nowhere dbname=postgres`, 'select 1');
    assert.match(ran.err, /28P01|login failed|password authentication failed|failed/i);
    assert.equal(ran.out, '');
  });

  it('is read the same way for any text', () => {
    const isConnection = (name: string): boolean => name === 'main' || name === 'other';
    const read = (user: string, database?: string): string[] => {
      const { user: who, connection, database: which } = readLoginName(user, database, isConnection);
      return [who, connection, which ?? '-'];
    };
    assert.deepEqual(read('a+b', 'main'), ['a+b', 'main', '-']);
    assert.deepEqual(read('a+b+main', 'x/y'), ['a+b', 'main', 'x/y']);
    assert.deepEqual(read('a+main', 'other'), ['a+main', 'other', '-'], 'the database comes first');
    assert.deepEqual(read('+main', 'x'), ['+main', 'x', '-'], 'nobody is no identity');
    assert.deepEqual(read('main'), ['main', 'main', '-']);
    assert.deepEqual(read('a+'), ['a+', 'a+', '-']);
  });
});

const FIRST_MESSAGE = startup(
  0x30000,
  new Map([
    ['user', USER],
    ['database', 'main'],
  ]),
);

describe('a login that takes too long', () => {
  const beginScram = (socket: Socket): void => {
    socket.write(FIRST_MESSAGE);
    socket.write(saslInitialResponse('SCRAM-SHA-256', 'n,,n=,r=nonce-of-the-tests'));
  };
  const stages: [string, (socket: Socket) => void][] = [
    ['says nothing', () => undefined],
    ['sends half of its first message', (socket) => void socket.write(Buffer.from([0, 0, 0]))],
    ['asks for encryption, and goes no further', (socket) => void socket.write(requestCode(80_877_103))],
    ['stops before SCRAM', (socket) => void socket.write(FIRST_MESSAGE)],
    [
      'stops in the middle of SCRAM',
      (socket) => {
        beginScram(socket);
      },
    ],
    [
      'sends a byte of its proof now and then',
      (socket) => {
        beginScram(socket);
        socket.write(Buffer.from([0x70]));
        socket.on('data', () => socket.write(Buffer.from([0])));
      },
    ],
  ];
  for (const [name, begin] of stages)
    it(`ends: one that ${name}`, async () => {
      const own = await startGateway({
        target,
        credential: { username: target.user, password: target.password },
        listener: { loginTimeoutMs: 100, tls: await makeLoopbackCertificate(createSystemClock().now()) },
      });
      const socket = connect(own.port, own.host);
      let closed = false;
      socket.on('error', () => undefined);
      socket.on('close', () => (closed = true));
      socket.on('data', () => undefined);
      begin(socket);
      await until('it is closed', () => closed);
      assert.deepEqual(own.sessions, []);
      await own.stop();
    });

  it('ends in TLS, too', async () => {
    const own = await startGateway({
      target,
      credential: { username: target.user, password: target.password },
      listener: { loginTimeoutMs: 500, tls: await makeLoopbackCertificate(createSystemClock().now()) },
    });
    const socket = connectTls({
      host: own.host,
      port: own.port,
      rejectUnauthorized: false,
      ALPNProtocols: ['postgresql'],
    });
    let closed = false;
    let secured = false;
    socket.on('error', () => undefined);
    socket.on('secureConnect', () => (secured = true));
    socket.on('close', () => (closed = true));
    socket.on('data', () => undefined);
    await until('it is closed', () => closed);
    assert.ok(secured);
    await own.stop();
  });
});

describe('a key to cancel by', () => {
  const cancelled = async (version: number): Promise<{ client: number; target: number }> => {
    const client = await rawLogin(gateway, { version });
    const { pid, key } = client.backendKey;
    client.send(query('select pg_sleep(600)'));
    await until('it was sent', () => gateway.sessions.at(-1)!.requests.length === 1);
    const before = firsts.length;
    const send = async (secret: Buffer): Promise<void> => {
      const socket = connect(gateway.port, gateway.host);
      socket.on('error', () => undefined);
      socket.write(cancelRequest(CANCEL, pid, secret));
      await new Promise((done) => socket.once('close', done).resume());
    };
    const wrong = Buffer.from(key);
    wrong[key.length - 1]! ^= 1;
    for (const secret of [wrong, key.subarray(0, key.length - 1), Buffer.concat([key, Buffer.alloc(1)])])
      await send(secret);
    assert.equal(firsts.length, before, 'nothing was passed on');
    await send(key);
    await client.ready(1);
    assert.equal(client.errors()[0]!.sqlState, '57014');
    client.socket.destroy();
    const passed = firsts.slice(before).find((first) => first.readUInt32BE(4) === CANCEL)!;
    return { client: key.length, target: passed.length - 12 };
  };

  it('is as long as each side can take: 32 bytes in 3.2, 4 before', async () => {
    assert.deepEqual(await cancelled(0x30002), { client: 32, target: 32 });
    assert.deepEqual(await cancelled(0x30000), { client: 4, target: 32 });
  });

  it('says nothing to whoever comes with a wrong one, over TLS neither', async () => {
    const socket = connectTls({
      host: gateway.host,
      port: gateway.port,
      rejectUnauthorized: false,
      ALPNProtocols: ['postgresql'],
    });
    let received = 0;
    let closed = false;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    socket.on('close', () => (closed = true));
    socket.on('secureConnect', () => socket.write(cancelRequest(CANCEL, 4711, Buffer.alloc(32))));
    await until('it is closed', () => closed);
    assert.equal(received, 0);
  });
});

describe('messages of a login in the wrong order', () => {
  it('end it: a query before the proof', async () => {
    const socket = connect(gateway.port, gateway.host);
    let received = '';
    let closed = false;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('close', () => (closed = true));
    const sessions = gateway.sessions.length;
    socket.write(Buffer.concat([FIRST_MESSAGE, query('select 1'), message(0x70, Buffer.from('x\0'))]));
    await until('it is closed', () => closed);
    assert.match(received, /a SASL response was expected/);
    assert.equal(gateway.sessions.length, sessions);
  });
});
