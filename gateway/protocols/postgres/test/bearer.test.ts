/** Tokens of outside issuers: as a password in the clear, and by OAUTHBEARER (RFC 7628). */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { makeLoopbackCertificate } from '../../../../main/tls.ts';
import { createSystemClock } from '../../../../platform/clock/system-clock.ts';
import { lacking } from '../../../../test/servers/available.ts';
import { startPostgres, type TestPostgres } from '../../../../test/servers/postgres.ts';
import { bearerOf } from '../login/bearer.ts';
import { saslInitialResponse, saslResponse, startup } from '../wire/messages.ts';
import { JWT, libraryClient, startGateway, TOKEN, USER, type TestGateway } from './gateway.ts';
import { until } from '../../../../test/support/until.ts';

const ISSUER = 'https://login.example/tenant';
let target: TestPostgres;
let gateway: TestGateway;
let folder: string;
let ca: string;

before(async () => {
  target = await startPostgres();
  folder = mkdtempSync(join(tmpdir(), 'countersign-bearer-test-'));
  const tls = await makeLoopbackCertificate(createSystemClock().now());
  ca = tls.certificatePem;
  writeFileSync(join(folder, 'ca.pem'), ca);
  gateway = await startGateway({
    target,
    credential: { username: target.user, password: target.password },
    options: { sslMode: 'disable' },
    listener: { tls, oauthIssuer: `${ISSUER}/` },
  });
});
after(async () => {
  await gateway.stop();
  await target.stop();
  rmSync(folder, { recursive: true });
});

interface Conversation {
  /** Types of the gateway's messages, one letter each. */
  readonly types: string;
  readonly bodies: readonly Buffer[];
}

/** Logs in by OAUTHBEARER, over TLS at once; `responses` are what the client says in turn. */
function oauth(...responses: readonly string[]): Promise<Conversation> {
  const { host, port } = gateway;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ca, ALPNProtocols: ['postgresql'] });
    const bodies: Buffer[] = [];
    let types = '';
    let received = Buffer.alloc(0);
    let said = 0;
    const say = (): void => {
      const response = responses[said];
      said += 1;
      if (response !== undefined)
        socket.write(said === 1 ? saslInitialResponse('OAUTHBEARER', response) : saslResponse(response));
    };
    socket.once('secureConnect', () =>
      socket.write(
        startup(
          0x30000,
          new Map([
            ['user', 'whoever'],
            ['database', 'main'],
          ]),
        ),
      ),
    );
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 5 && received.length > received.readUInt32BE(1)) {
        const length = 1 + received.readUInt32BE(1);
        const type = String.fromCharCode(received[0]!);
        const body = received.subarray(5, length);
        types += type;
        bodies.push(body);
        received = received.subarray(length);
        if (type === 'R' && [10, 11].includes(body.readInt32BE(0))) say();
        if (type === 'Z') socket.end();
      }
    });
    socket.once('error', reject);
    socket.once('close', () => resolve({ types, bodies }));
  });
}

const initial = (token: string): string =>
  `n,,\u0001auth=${token === '' ? '' : `Bearer ${token}`}\u0001\u0001`;

const psql = (user: string, password: string, options: string): Promise<{ out: string; err: string }> =>
  new Promise((resolve) => {
    execFile(
      'psql',
      [
        '-X',
        '-At',
        '-c',
        'select 41 + 1',
        `host=127.0.0.1 port=${gateway.port} user=${user} dbname=main ${options}`,
      ],
      { env: { ...process.env, PGPASSWORD: password } },
      (_error, out, err) => resolve({ out, err }),
    );
  });

describe('PostgreSQL: a token shown as a password', { skip: lacking('psql') }, () => {
  it('is taken from psql over TLS, whoever the user name says', async () => {
    const options = `sslmode=verify-full sslrootcert=${join(folder, 'ca.pem')}`;
    for (const user of ['jwt', 'somebody#jwt']) {
      assert.deepEqual(await psql(user, JWT, options), { out: '42\n', err: '' });
      const { opening } = gateway.sessions.at(-1)!;
      assert.equal(opening.authentication, 'bearer');
      assert.equal(opening.identity.id, 'countersign/robot');
    }
  });

  it('is taken from node-postgres, and one of the gateway’s own too', async () => {
    for (const password of [JWT, TOKEN]) {
      const client = libraryClient(gateway, { user: 'jwt', password, ssl: { ca } });
      await client.connect();
      assert.deepEqual((await client.query('select 41 + 1 as n')).rows, [{ n: 42 }]);
      await client.end();
    }
  });

  it('is refused with the reason where it does not count, and written down', async () => {
    const ran = await psql('jwt', `${JWT}x`, 'sslmode=require');
    assert.match(ran.err, /the token is not taken/);
    await until('the refusal is written', () => gateway.refusals.at(-1)?.code === 'TEST_TOKEN');
    assert.equal(gateway.refusals.at(-1)!.claimedName, 'jwt');
  });

  it('is asked of nobody who could prove a token instead', async () => {
    const ran = await psql(USER, TOKEN, 'sslmode=require');
    assert.equal(ran.out, '42\n');
    assert.match(gateway.sessions.at(-1)!.opening.authentication, /^scram-sha-256/);
  });
});

describe('PostgreSQL: OAUTHBEARER', () => {
  it('opens a session with the token’s identity', async () => {
    const { types } = await oauth(initial(JWT));
    assert.match(types, /^RR.*KZ$/);
    const { opening } = gateway.sessions.at(-1)!;
    assert.equal(opening.authentication, 'oauthbearer');
    assert.equal(opening.identity.id, 'countersign/robot');
  });

  it('is offered behind SCRAM, which clients with a password take', async () => {
    const { bodies } = await oauth(initial(JWT));
    assert.equal(
      bodies[0]!.subarray(4).toString('latin1'),
      'SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0OAUTHBEARER\0\0',
    );
  });

  it('tells a client without a token who gives one, and writes no refused login', async () => {
    const before = gateway.refusals.length;
    const { types, bodies } = await oauth(initial(''), '\u0001');
    assert.equal(types, 'RRE');
    assert.deepEqual(JSON.parse(bodies[1]!.subarray(4).toString()), {
      status: 'invalid_token',
      'openid-configuration': `${ISSUER}/.well-known/openid-configuration`,
      scope: 'openid',
    });
    assert.equal(gateway.refusals.length, before);
  });

  it('refuses a token that does not count, after the client has taken note', async () => {
    const { types, bodies } = await oauth(initial('not.a.token'), '\u0001');
    assert.equal(types, 'RRE');
    assert.match(bodies[2]!.toString(), /the token is not taken/);
    assert.equal(gateway.refusals.at(-1)!.code, 'TEST_TOKEN');
  });

  it('refuses what is malformed', async () => {
    const malformed = [
      '',
      `auth=Bearer ${JWT}`,
      `p=tls-server-end-point,,\u0001auth=Bearer ${JWT}\u0001\u0001`,
      `n,a=somebody,\u0001auth=Bearer ${JWT}\u0001\u0001`,
      `n,,\u0001auth=Bearer ${JWT}\u0001`,
      `n,,\u0001auth=Bearer ${JWT}\u0001auth=Bearer ${JWT}\u0001\u0001`,
      `n,,\u0001auth=Basic abc\u0001\u0001`,
      `n,,\u0001host=a\u0001\u0001`,
      `n,,\u0001auth=Bearer a b\u0001\u0001`,
    ];
    for (const response of malformed) {
      assert.equal(bearerOf(response), undefined, response);
      const { types, bodies } = await oauth(response);
      assert.equal(types, 'RE');
      assert.match(bodies[1]!.toString(), /08P01/);
    }
    const { types } = await oauth(initial('not.a.token'), 'not a note');
    assert.equal(types, 'RRE');
  });

  it('reads what is well-formed, and throws at nothing', () => {
    assert.deepEqual(bearerOf(initial('abc-._~+/=')), { token: 'abc-._~+/=' });
    assert.deepEqual(bearerOf(`y,,\u0001host=a\u0001auth=bearer  abc\u0001port=1\u0001\u0001`), {
      token: 'abc',
    });
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('n,,', 'y,,', '\u0001', 'auth=', 'Bearer ', 'a', ',', '=', '\n')),
        (parts) => {
          const read = bearerOf(parts.join(''));
          assert.ok(read === undefined || /^[A-Za-z0-9\-._~+/]*=*$/.test(read.token));
        },
      ),
      { seed: 8 },
    );
  });
});
