import assert from 'node:assert/strict';
import { writeFileSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { exportSPKI } from 'jose';
import { makeKey, rawToken, signWithSecret, startIssuer, type TestIssuer } from './support/issuer.ts';
import { codeOf, openWorld, START, type World } from './support/world.ts';

const seconds = START / 1000;
const CONTEXT = { connection: 'orders', clientIp: '192.0.2.7' };
const claims = (issuer: TestIssuer, extra: Record<string, unknown> = {}): Record<string, unknown> => ({
  iss: issuer.url,
  aud: 'countersign',
  sub: 'alice',
  iat: seconds - 10,
  exp: seconds + 600,
  ...extra,
});
const rule = { name: 'people', connections: ['*'] };

async function open(
  t: TestContext,
  extra: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): Promise<{
  issuer: TestIssuer;
  world: World;
  login: (token: string) => ReturnType<World['access']['verifyBearer']>;
}> {
  const issuer = await startIssuer();
  t.after(() => issuer.close());
  const world = openWorld(t, {
    access: {
      issuers: [
        {
          name: 'idp',
          kind: 'oidc',
          issuer: issuer.url,
          audiences: ['countersign'],
          rules: [rule],
          ...extra,
        },
      ],
      ...more,
    },
  });
  return { issuer, world, login: (token) => world.access.verifyBearer(token, CONTEXT) };
}

describe('tokens of outside issuers', () => {
  it('a genuine one stands for its holder, with groups, source and times', async (t) => {
    const { issuer, world, login } = await open(t);
    const token = await issuer.sign(
      claims(issuer, { groups: ['dba', 'staff'], name: 'Alice A.', azp: 'cli' }),
    );
    const result = await login(token);
    assert.ok(result.ok, JSON.stringify(result));
    const { identity, connections } = result.value;
    assert.equal(identity.id, 'idp/alice');
    assert.equal(identity.kind, 'human');
    assert.equal(identity.displayName, 'Alice A.');
    assert.deepEqual(identity.groups, ['dba', 'staff']);
    assert.equal(identity.credentialSource, 'idp/cli');
    assert.equal(identity.issuedAt, START - 10_000);
    assert.equal(identity.expiresAt, START + 600_000);
    assert.equal(identity.attributes['access_rule'], 'people');
    assert.deepEqual(connections, ['*']);
    assert.ok(world.access.admit(result.value, 'orders', { clientIp: '192.0.2.7' }).ok);
    const again = await login(token);
    assert.ok(again.ok);
    assert.equal(again.value.tokenId, result.value.tokenId, 'the same token each time');
    assert.equal(issuer.asked.get('/keys'), 1);
  });

  it('a lockout of the token it stands for cannot be undone by showing it once more', async (t) => {
    const { issuer, world, login } = await open(t);
    const token = await issuer.sign(claims(issuer));
    const first = await login(token);
    assert.ok(first.ok);
    const call = { by: 'test', reason: 'stolen', incidentId: null, idempotencyKey: null, automation: null };
    await world.control.revokeToken(first.value.tokenId, call);
    await world.relay();
    assert.equal(codeOf(world.access.admit(first.value, 'orders', CONTEXT)), 'TOKEN_REVOKED');
    assert.equal(codeOf(await login(token)), 'TOKEN_REVOKED');
    // Written otherwise, it is still the same token.
    const [head, body, signature] = token.split('.');
    assert.ok(!(await login(`${head}.${body}.${signature}A`)).ok);
    const newer = await login(await issuer.sign(claims(issuer, { iat: seconds - 5 })));
    assert.ok(newer.ok, 'a new one of the same person is not meant');
  });

  it('algorithm tricks are refused', async (t) => {
    const { issuer, login } = await open(t);
    const key = issuer.keys[0]!;
    const body = claims(issuer);
    for (const alg of ['none', 'None', 'NONE', 'nOnE'])
      assert.equal(codeOf(await login(rawToken({ alg, typ: 'JWT' }, body))), 'ACCESS_ALGORITHM_REFUSED');
    const publicText = Buffer.from(await exportSPKI(key.publicKey));
    assert.equal(
      codeOf(await login(await signWithSecret(body, publicText, { kid: key.kid }))),
      'ACCESS_ALGORITHM_REFUSED',
      'the public key as a shared secret',
    );
    const own = await makeKey('mine');
    const embedded = await issuer.sign(body, { key: own, header: { jwk: own.jwk } });
    assert.equal(codeOf(await login(embedded)), 'ACCESS_KEY_UNKNOWN', 'a key that the token brings itself');
    const named = await issuer.sign(body, { key: { ...own, kid: key.kid }, header: { jwk: own.jwk } });
    assert.equal(codeOf(await login(named)), 'ACCESS_SIGNATURE_WRONG', 'under the name of a known key');
    const elsewhere = await issuer.sign(body, {
      key: own,
      header: { jku: `${issuer.url}/mine`, x5u: `${issuer.url}/x` },
    });
    assert.equal(codeOf(await login(elsewhere)), 'ACCESS_KEY_UNKNOWN');
    assert.equal(issuer.asked.get('/mine'), undefined, 'no address of the token is ever asked');
    const other = await makeKey('one', 'ES384');
    assert.equal(codeOf(await login(await issuer.sign(body, { key: other }))), 'ACCESS_ALGORITHM_REFUSED');
    const critical = await issuer.sign(body);
    const [head] = critical.split('.');
    const changed = {
      ...(JSON.parse(Buffer.from(head!, 'base64url').toString()) as object),
      crit: ['exp'],
      exp: 1,
    };
    assert.ok(!(await login(rawToken(changed, body, critical.split('.')[2]))).ok);
    assert.equal(codeOf(await login(`${critical.slice(0, -6)}AAAAAA`)), 'ACCESS_SIGNATURE_WRONG');
  });

  it('issuers and audiences are not taken for one another', async (t) => {
    const { issuer, login, world } = await open(t);
    const other = await startIssuer();
    t.after(() => other.close());
    assert.equal(codeOf(await login(await other.sign(claims(other)))), 'ACCESS_ISSUER_UNKNOWN');
    // Another issuer's key under the claims of ours.
    assert.ok(!(await login(await other.sign(claims(issuer)))).ok);
    for (const aud of [undefined, 'other', ['other', 'another'], 7, {}, 'countersign '])
      assert.equal(codeOf(await login(await issuer.sign(claims(issuer, { aud })))), 'ACCESS_AUDIENCE_WRONG');
    assert.ok((await login(await issuer.sign(claims(issuer, { aud: ['other', 'countersign'] })))).ok);
    for (const iss of [`${issuer.url}/`, issuer.url.toUpperCase(), [issuer.url], undefined])
      assert.equal(codeOf(await login(await issuer.sign(claims(issuer, { iss })))), 'ACCESS_ISSUER_UNKNOWN');
    assert.equal((await world.tokens.list({ limit: 10 })).length, 1);
  });

  it('tokens that are not for logging in are refused, though issuer and audience are right', async (t) => {
    const { issuer, login } = await open(t);
    for (const typ of ['logout+jwt', 'secevent+jwt', 'dpop+jwt', 7])
      assert.equal(
        codeOf(await login(await issuer.sign(claims(issuer), { header: { typ } }))),
        'ACCESS_TOKEN_MALFORMED',
      );
    const logout = claims(issuer, { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } });
    assert.equal(codeOf(await login(await issuer.sign(logout))), 'ACCESS_TOKEN_MALFORMED');
    for (const wrong of [
      { exp: undefined },
      { iat: undefined },
      { exp: 'soon' },
      { sub: '' },
      { sub: 7.5e9, nbf: 'x' },
      { sub: 'a\nb' },
    ])
      assert.equal(
        codeOf(await login(await issuer.sign(claims(issuer, wrong)))),
        'ACCESS_TOKEN_MALFORMED',
        JSON.stringify(wrong),
      );
    assert.ok((await login(await issuer.sign(claims(issuer), { header: { typ: 'at+jwt' } }))).ok);
    for (const junk of ['', 'ey', 'eyJ.eyJ.x', 'a.b.c', `ey${'A'.repeat(20_000)}.ey.x`, rawToken([], {})])
      assert.equal(codeOf(await login(junk)), 'TOKEN_INVALID');
  });

  it('times: expired, not valid yet, within the skew, too old', async (t) => {
    const { issuer, world, login } = await open(t, { ageMsMax: 300_000 });
    const at = (extra: Record<string, unknown>): Promise<string> => issuer.sign(claims(issuer, extra));
    assert.equal(codeOf(await login(await at({ exp: seconds }))), 'ACCESS_TOKEN_EXPIRED');
    assert.equal(codeOf(await login(await at({ iat: seconds + 31 }))), 'ACCESS_TOKEN_FROM_FUTURE');
    assert.equal(codeOf(await login(await at({ nbf: seconds + 31 }))), 'ACCESS_TOKEN_FROM_FUTURE');
    assert.ok(
      (await login(await at({ iat: seconds + 29, nbf: seconds + 29 }))).ok,
      'clocks may be apart a little',
    );
    assert.equal(codeOf(await login(await at({ iat: seconds - 331 }))), 'ACCESS_TOKEN_TOO_OLD');
    const token = await at({ exp: seconds + 60, nonce: 'x' });
    const held = await login(token);
    assert.ok(held.ok);
    world.clock.advance(60_000);
    assert.equal(codeOf(world.access.admit(held.value, 'orders', CONTEXT)), 'TOKEN_EXPIRED');
    assert.equal(codeOf(await login(token)), 'ACCESS_TOKEN_EXPIRED');
  });

  it('one use: the second time it is a replay, also for another gateway on the same store', async (t) => {
    const { issuer, world, login } = await open(t, { oneUse: true });
    const token = await issuer.sign(claims(issuer, { jti: 'abc' }));
    assert.ok((await login(token)).ok);
    assert.equal(codeOf(await login(token)), 'ACCESS_TOKEN_REPLAYED');
    const other = world.openGateway().access;
    assert.equal(
      codeOf(await other.verifyBearer(token, CONTEXT)),
      'ACCESS_TOKEN_REPLAYED',
      'on another gateway',
    );
    const again = await issuer.sign(claims(issuer, { jti: 'abc', nonce: 'another' }));
    assert.equal(codeOf(await login(again)), 'ACCESS_TOKEN_REPLAYED', 'the id counts, not the spelling');
    assert.equal(codeOf(await login(await issuer.sign(claims(issuer)))), 'ACCESS_TOKEN_MALFORMED');
    const both = await issuer.sign(claims(issuer, { jti: 'def' }));
    const results = await Promise.all([login(both), login(both)]);
    assert.equal(results.filter(({ ok }) => ok).length, 1, 'at the same moment');
    assert.equal((await world.tokens.list({ limit: 10 })).length, 2);
  });

  it('signing keys that change are found, and who makes up key ids does not make us ask on and on', async (t) => {
    const { issuer, world, login } = await open(t);
    assert.ok((await login(await issuer.sign(claims(issuer)))).ok);
    const next = await makeKey('two');
    issuer.keys = [next];
    const token = await issuer.sign(claims(issuer, { iat: seconds }));
    assert.equal(codeOf(await login(token)), 'ACCESS_KEY_UNKNOWN', 'within the cool-down nobody is asked');
    world.clock.advance(30_000);
    assert.ok((await login(token)).ok, 'then the new key is found');
    const asked = issuer.asked.get('/keys');
    for (let index = 0; index < 20; index += 1)
      await login(await issuer.sign(claims(issuer), { key: { ...next, kid: `made-up-${index}` } }));
    assert.equal(issuer.asked.get('/keys'), asked);
    // A key that was withdrawn does not count any more.
    issuer.keys = [await makeKey('three')];
    world.clock.advance(600_000);
    assert.equal(
      codeOf(await login(await issuer.sign(claims(issuer, { exp: seconds + 6000 }), { key: next }))),
      'ACCESS_KEY_UNKNOWN',
    );
  });

  it('a provider that is down: known keys count for a bounded time, sessions go on, new issuers are refused', async (t) => {
    const { issuer, world, login } = await open(t);
    const until = { exp: seconds + 80_000 };
    const held = await login(await issuer.sign(claims(issuer, until)));
    assert.ok(held.ok);
    issuer.setDown(true);
    world.clock.advance(3_000_000);
    assert.ok(
      (await login(await issuer.sign(claims(issuer, { ...until, jti: '1' })))).ok,
      'with the keys that are kept',
    );
    world.clock.advance(590_000);
    assert.ok(world.access.admit(held.value, 'orders', CONTEXT).ok, 'who is in stays in');
    world.clock.advance(20_000);
    assert.equal(
      codeOf(await login(await issuer.sign(claims(issuer, { ...until, jti: '2' })))),
      'ACCESS_PROVIDER_DOWN',
    );
    issuer.setDown(false);
    world.clock.advance(30_000);
    assert.ok(
      (await login(await issuer.sign(claims(issuer, { ...until, jti: '3' })))).ok,
      'and it comes back by itself',
    );
  });

  it('a discovery document of another issuer is not believed', async (t) => {
    const real = await startIssuer();
    t.after(() => real.close());
    const world = openWorld(t, {
      access: {
        issuers: [
          { name: 'idp', kind: 'oidc', issuer: `${real.url}/`, audiences: ['countersign'], rules: [rule] },
        ],
      },
    });
    const token = await real.sign(claims(real, { iss: `${real.url}/` }));
    assert.equal(codeOf(await world.access.verifyBearer(token, CONTEXT)), 'ACCESS_PROVIDER_DOWN');
  });

  it('keys from a file are read again when it changes', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-access-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'keys.json');
    const issuer = await startIssuer();
    t.after(() => issuer.close());
    const write = (time: number): void => {
      writeFileSync(
        file,
        JSON.stringify({ keys: issuer.keys.map(({ jwk }) => ({ ...jwk, use: 'jwt-svid' })) }),
      );
      utimesSync(file, time, time);
    };
    write(1000);
    const world = openWorld(t, {
      access: {
        issuers: [
          {
            name: 'mesh',
            kind: 'spiffe-jwt',
            trustDomain: 'example.org',
            audiences: ['countersign'],
            jwks: { file },
            rules: [
              {
                name: 'payments',
                match: { sub: 'spiffe://example.org/ns/payments/*' },
                connections: ['orders'],
              },
            ],
          },
        ],
      },
    });
    const svid = (sub: string): Promise<string> =>
      issuer.sign({ sub, aud: ['countersign'], exp: seconds + 300, iat: seconds });
    const login = (token: string) => world.access.verifyBearer(token, CONTEXT);
    const result = await login(await svid('spiffe://example.org/ns/payments/sa/api'));
    assert.ok(result.ok, JSON.stringify(result));
    assert.equal(result.value.identity.id, 'mesh/spiffe://example.org/ns/payments/sa/api');
    assert.equal(result.value.identity.kind, 'workload');
    assert.equal(codeOf(await login(await svid('spiffe://example.org/ns/other'))), 'ACCESS_NO_RULE');
    assert.equal(
      codeOf(await login(await svid('spiffe://evil.org/ns/payments/sa/api'))),
      'ACCESS_ISSUER_UNKNOWN',
    );
    assert.equal(
      codeOf(await login(await svid('spiffe://example.org.evil.org/ns/payments/x'))),
      'ACCESS_ISSUER_UNKNOWN',
    );
    issuer.keys = [await makeKey('next')];
    const token = await svid('spiffe://example.org/ns/payments/sa/api');
    assert.equal(codeOf(await login(token)), 'ACCESS_KEY_UNKNOWN');
    write(2000);
    assert.ok((await login(token)).ok);
  });

  it('of an issuer that is trusted less only the groups that are named count', async (t) => {
    const { issuer, login } = await open(t, {
      rules: [{ ...rule, groupsAllowed: ['ext-*', 'guests'], groups: ['contractors'] }],
    });
    const found = await login(
      await issuer.sign(claims(issuer, { groups: ['admins', 'ext-1', 'guests', 'ext'] })),
    );
    assert.ok(found.ok);
    assert.deepEqual(found.value.identity.groups, ['ext-1', 'guests', 'contractors']);
  });

  it('keys that are none do no harm', async (t) => {
    const { issuer, world, login } = await open(t);
    const good = issuer.keys[0]!;
    const broken = {
      ...good,
      jwk: { kty: 'EC', kid: 'one', alg: 'ES256', use: 'sig', crv: 'P-256', x: 'AA', y: '!!' },
    };
    issuer.keys = [broken];
    const token = await issuer.sign(claims(issuer), { key: good });
    assert.equal(codeOf(await login(token)), 'ACCESS_KEY_UNKNOWN');
    issuer.keys = [{ ...good, jwk: [] as never }];
    world.clock.advance(600_000);
    assert.equal(
      codeOf(await login(await issuer.sign(claims(issuer, { exp: seconds + 6000 }), { key: good }))),
      'ACCESS_KEY_UNKNOWN',
      'what was read before still counts',
    );
    issuer.keys = [good];
    world.clock.advance(60_000);
    assert.ok((await login(await issuer.sign(claims(issuer, { exp: seconds + 6000 })))).ok);
  });

  it('claims from the userinfo endpoint: groups are pulled, the subject stays', async (t) => {
    const { issuer, login } = await open(t, { userInfo: true });
    const seen: unknown[] = [];
    let answer: { status: number; body: unknown } = {
      status: 200,
      body: { sub: 'alice', groups: ['dba'], name: 'Alice', iss: 'x', aud: 'y', exp: 1, act: { sub: 'z' } },
    };
    issuer.answers.set('/me', (_body, headers) => {
      seen.push(headers['authorization']);
      return answer;
    });
    const token = await issuer.sign(claims(issuer, { groups: ['stale'] }));
    const found = await login(token);
    assert.ok(found.ok, JSON.stringify(found));
    assert.deepEqual(found.value.identity.groups, ['dba']);
    assert.deepEqual(seen, [`Bearer ${token}`]);
    for (const [status, body, code] of [
      [200, { sub: 'mallory' }, 'ACCESS_REVIEW_REFUSED'],
      [401, {}, 'ACCESS_REVIEW_REFUSED'],
      [503, {}, 'ACCESS_PROVIDER_DOWN'],
    ] as const) {
      answer = { status, body };
      assert.equal(codeOf(await login(await issuer.sign(claims(issuer, { jti: code + status })))), code);
    }
  });

  it('groups of SCIM count where they are to, and whoever it has ended stays out', async (t) => {
    const { issuer, world, login } = await open(t, { groupsFrom: 'scim' });
    const account = {
      id: 'idp/alice',
      kind: 'human',
      displayName: 'Alice',
      groups: ['from-scim'],
      onBehalfOf: [],
      breakGlass: false,
      attributes: {},
    } as const;
    await world.tokens.putIdentity(account);
    const found = await login(await issuer.sign(claims(issuer, { groups: ['from-token'] })));
    assert.ok(found.ok);
    assert.deepEqual(found.value.identity.groups, ['from-scim']);
    await world.tokens.putIdentity({ ...account, active: false });
    assert.equal(codeOf(await login(await issuer.sign(claims(issuer, { jti: '2' })))), 'IDENTITY_OVER');
    world.access.forget('idp/alice');
    const again = await world.access.tokenById(found.value.tokenId);
    assert.equal(codeOf(world.access.admit(again!, 'orders', CONTEXT)), 'IDENTITY_OVER');
  });
});
