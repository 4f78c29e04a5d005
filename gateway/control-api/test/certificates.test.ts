/** Client certificates over real TLS: SPIFFE X.509-SVIDs, plain certificates, tokens bound to them (RFC 8705). */
import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { generate } from 'selfsigned';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { accessConfig } from '../../access/test/support/world.ts';
import { createAuthority } from '../../../test/servers/rsyslog/authority.ts';
import { openWorld } from './support.ts';

const DAY_MS = 86_400_000;
const now = createSystemClock().now();

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** An authority with what it issues; URI names are type 6 (RFC 5280, section 4.2.1.6). */
async function makeAuthority(name: string): Promise<
  Pair & {
    issue(cn: string, uris: readonly string[], options?: { expired?: boolean; ca?: boolean }): Promise<Pair>;
  }
> {
  const kind = { keyType: 'ec', algorithm: 'sha256' } as const;
  const dates = { notBeforeDate: new Date(now - 2 * DAY_MS), notAfterDate: new Date(now + 30 * DAY_MS) };
  const ca = await generate([{ name: 'commonName', value: name }], {
    ...kind,
    ...dates,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    cert: ca.cert,
    key: ca.private,
    async issue(cn, uris, { expired = false, ca: isCa = false } = {}) {
      const made = await generate([{ name: 'commonName', value: cn }], {
        ...kind,
        notBeforeDate: dates.notBeforeDate,
        notAfterDate: expired ? new Date(now - DAY_MS) : new Date(now + DAY_MS),
        ca: { key: ca.private, cert: ca.cert },
        extensions: [
          { name: 'basicConstraints', cA: isCa },
          { name: 'keyUsage', digitalSignature: true, critical: true },
          { name: 'extKeyUsage', clientAuth: true },
          {
            name: 'subjectAltName',
            altNames:
              uris.length === 0
                ? [{ type: 2, value: 'x.example' }]
                : uris.map((value) => ({ type: 6, value })),
          },
        ],
      });
      return { cert: made.cert, key: made.private };
    },
  };
}

async function open(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-mtls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const own = await createAuthority(folder, now);
  const server = await own.issue('gateway');
  const mesh = await makeAuthority('mesh');
  const clients = await makeAuthority('clients');
  const stranger = await makeAuthority('stranger');
  const bundle = join(folder, 'mesh.pem');
  writeFileSync(bundle, mesh.cert);
  writeFileSync(join(folder, 'clients.pem'), clients.cert);
  const settings = accessConfig({
    certificates: [
      {
        name: 'mesh',
        kind: 'spiffe-x509',
        trustDomain: 'example.org',
        trustBundleFile: bundle,
        rules: [
          { name: 'payments', match: { sub: 'spiffe://example.org/ns/payments/*' }, connections: ['orders'] },
        ],
      },
      {
        name: 'pki',
        kind: 'x509',
        trustBundleFile: join(folder, 'clients.pem'),
        rules: [
          {
            name: 'admins',
            match: { cn: 'alice' },
            subject: '{cn}',
            identityKind: 'human',
            groups: ['oncall'],
            connections: ['*'],
            bindKey: 'mtls',
          },
        ],
      },
    ],
    groupScopes: { oncall: ['read'] },
  });
  const world = await openWorld(
    t,
    { tls: { certificateFile: server.certificateFile, keyFile: server.keyFile } },
    settings,
  );
  const call = (
    path: string,
    pair: Pair | undefined,
    body?: Record<string, string>,
    token?: string,
  ): Promise<{ status: number; body: Record<string, unknown> }> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : new URLSearchParams(body).toString();
      const sent = request(
        new URL(path, world.url),
        {
          ca: own.caPem,
          agent: false,
          method: text === undefined ? 'GET' : 'POST',
          ...(pair === undefined ? {} : { cert: pair.cert, key: pair.key }),
          headers: {
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(text === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
          },
        },
        (response) => {
          let answer = '';
          response.on('data', (piece) => (answer += String(piece)));
          response.on('end', () =>
            resolve({ status: response.statusCode!, body: JSON.parse(answer) as Record<string, unknown> }),
          );
        },
      );
      sent.on('error', reject);
      sent.end(text);
    });
  const exchange = (pair: Pair | undefined) =>
    call('/v1/tokens/exchange', pair, { grant_type: 'client_credentials' });
  return { world, mesh, clients, stranger, bundle, call, exchange };
}

describe('client certificates', () => {
  it('a SPIFFE SVID becomes a token for its workload; others are told why not', async (t) => {
    const { world, mesh, clients, stranger, exchange } = await open(t);
    const svid = await mesh.issue('x', ['spiffe://example.org/ns/payments/sa/api']);
    const made = await exchange(svid);
    assert.equal(made.status, 200, JSON.stringify(made.body));
    assert.equal(made.body['identity_id'], 'mesh/spiffe://example.org/ns/payments/sa/api');
    const stored = await world.tokens.get(String(made.body['token_id']));
    assert.equal(stored?.credentialSource, 'mesh/spiffe://example.org/ns/payments/sa/api');
    assert.equal(stored?.attributes['spiffe_id'], 'spiffe://example.org/ns/payments/sa/api');
    const id = 'spiffe://example.org/ns/payments/sa/api';
    const cases: readonly [string, Pair | undefined, number, string][] = [
      ['no certificate', undefined, 401, 'ACCESS_CERTIFICATE_REFUSED'],
      ['another authority', await stranger.issue('x', [id]), 401, 'ACCESS_CERTIFICATE_REFUSED'],
      ['an authority that is not of the mesh', await clients.issue('x', [id]), 403, 'ACCESS_NO_RULE'],
      [
        'another trust domain',
        await mesh.issue('x', ['spiffe://evil.org/ns/payments/a']),
        401,
        'ACCESS_CERTIFICATE_REFUSED',
      ],
      ['two names', await mesh.issue('x', [id, `${id}2`]), 401, 'ACCESS_CERTIFICATE_REFUSED'],
      ['no name', await mesh.issue(id, []), 401, 'ACCESS_CERTIFICATE_REFUSED'],
      ['an expired one', await mesh.issue('x', [id], { expired: true }), 401, 'ACCESS_CERTIFICATE_REFUSED'],
      ['another workload', await mesh.issue('x', ['spiffe://example.org/ns/shop/a']), 403, 'ACCESS_NO_RULE'],
    ];
    for (const [what, pair, status, code] of cases) {
      const answer = await exchange(pair);
      assert.deepEqual([answer.status, answer.body['code']], [status, code], what);
    }
    await world.control.revokeToken(String(made.body['token_id']), {
      by: 'test',
      reason: 'stolen',
      incidentId: null,
      idempotencyKey: null,
      automation: null,
    });
    assert.equal(
      (await exchange(svid)).body['code'],
      'TOKEN_REVOKED',
      'the certificate does not bring it back',
    );
  });

  it('a token that is bound to a certificate works with that one only', async (t) => {
    const { world, clients, exchange, call } = await open(t);
    const alice = await clients.issue('alice', []);
    const made = await exchange(alice);
    assert.equal(made.status, 200, JSON.stringify(made.body));
    const token = String(made.body['access_token']);
    const stored = await world.tokens.get(String(made.body['token_id']));
    const thumbprint = createHash('sha256').update(new X509Certificate(alice.cert).raw).digest('base64url');
    assert.equal(stored?.bindings?.key, `mtls:${thumbprint}`);
    const who = await call('/v1/whoami', alice, undefined, token);
    assert.deepEqual(who.body, { subject: 'pki/alice', scopes: ['read'] });
    assert.equal((await call('/v1/whoami', undefined, undefined, token)).body['code'], 'TOKEN_KEY_REQUIRED');
    const again = await clients.issue('alice', []);
    assert.equal((await call('/v1/whoami', again, undefined, token)).body['code'], 'TOKEN_KEY_REQUIRED');
    assert.equal((await exchange(await clients.issue('mallory', []))).body['code'], 'ACCESS_NO_RULE');
  });

  it('authorities that change are taken up without a restart', async (t) => {
    const { stranger, bundle, exchange } = await open(t);
    const svid = await stranger.issue('x', ['spiffe://example.org/ns/payments/sa/api']);
    assert.equal((await exchange(svid)).status, 401);
    writeFileSync(bundle, stranger.cert);
    const clock = createSystemClock();
    let status = 0;
    for (let turn = 0; turn < 200 && status !== 200; turn += 1) {
      await clock.sleep(100);
      ({ status } = await exchange(svid));
      // The bound on exchanges is not what is tried here.
      if (status === 429) await clock.sleep(1000);
    }
    assert.equal(status, 200);
  });
});
