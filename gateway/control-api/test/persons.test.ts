/** People with tokens of the gateway's own at the control API, and the exchange of outside credentials over HTTP. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { calculateJwkThumbprint, SignJWT } from 'jose';
import type { AccessConfig } from '../../../schemas/config/access.ts';
import type { ExchangeAnswer } from '../../../schemas/api/exchange.ts';
import { makeKey, startIssuer, type SigningKey } from '../../access/test/support/issuer.ts';
import { accessConfig } from '../../access/test/support/world.ts';
import type { StoredIdentity } from '../../control/token-index.ts';
import { openWorld, type World } from './support.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type:jwt';

const account = (id: string, extra: Partial<StoredIdentity> = {}): StoredIdentity => ({
  id,
  kind: 'human',
  displayName: id,
  groups: [],
  onBehalfOf: [],
  breakGlass: false,
  attributes: {},
  ...extra,
});

async function tokenOf(world: World, identity: StoredIdentity): Promise<{ token: string; tokenId: string }> {
  await world.tokens.putIdentity(identity);
  const issued = await world.tokens.issue({
    identityId: identity.id,
    connections: ['*'],
    ttlMs: 60_000,
    credentialSource: null,
    attributes: {},
    by: 'test',
  });
  assert.ok(issued.ok);
  return { token: issued.value.token, tokenId: issued.value.stored.tokenId };
}

describe('people at the control API', () => {
  const access = (): Partial<AccessConfig> => ({
    groupScopes: { oncall: ['read', 'contain'], auditors: ['read'] },
  });

  it('may do what their groups may, and stand in the trail by name', async (t) => {
    const world = await openWorld(t, {}, access());
    const { token } = await tokenOf(
      world,
      account('okta/alice', { groups: ['oncall', 'auditors', '__proto__'] }),
    );
    const who = await world.call('GET', '/v1/whoami', { token });
    assert.equal(who.status, 200);
    assert.deepEqual(who.body, { subject: 'okta/alice', scopes: ['read', 'contain'] });
    const locked = await world.call('POST', '/v1/lockouts', {
      token,
      body: { subjectKind: 'session', subject: 's1', reason: 'looks wrong' },
    });
    assert.equal(locked.status, 200);
    assert.equal(world.actions.at(-1)!.actor, 'okta/alice');
    const denied = await world.call('PUT', '/v1/identities', { token, body: { id: 'a/b', kind: 'human' } });
    assert.equal(denied.status, 403);
    assert.equal(denied.body['code'], 'CONTROL_API_FORBIDDEN');
  });

  it('without a group with rights there is nothing to do here; services and agents have no business here', async (t) => {
    const world = await openWorld(t, {}, access());
    const nobody = await tokenOf(world, account('okta/bob', { groups: ['toString'] }));
    assert.deepEqual((await world.call('GET', '/v1/whoami', { token: nobody.token })).body['scopes'], []);
    assert.equal((await world.call('GET', '/v1/tokens', { token: nobody.token })).status, 403);
    for (const kind of ['service_account', 'workload', 'ai_agent'] as const) {
      const { token } = await tokenOf(world, account(`okta/${kind}`, { kind, groups: ['oncall'] }));
      const answer = await world.call('GET', '/v1/whoami', { token });
      assert.equal(answer.status, 403);
      assert.equal(answer.body['code'], 'CONTROL_API_PEOPLE_ONLY');
    }
  });

  it('revoked, locked out and made-up tokens are refused at once', async (t) => {
    const world = await openWorld(t, {}, access());
    const { token, tokenId } = await tokenOf(world, account('okta/alice', { groups: ['oncall'] }));
    assert.equal((await world.call('GET', '/v1/whoami', { token })).status, 200);
    await world.call('POST', `/v1/tokens/${tokenId}/revoke`, { body: { reason: 'lost' } });
    await world.relay();
    const revoked = await world.call('GET', '/v1/whoami', { token });
    assert.equal(revoked.body['code'], 'TOKEN_REVOKED');
    const wrong = await world.call('GET', '/v1/whoami', { token: mistyped(token) });
    assert.equal(wrong.status, 401);
    const other = await tokenOf(world, account('okta/carol', { groups: ['oncall'] }));
    await world.call('POST', '/v1/lockouts', {
      body: { subjectKind: 'identity', subject: 'okta/carol', reason: 'left' },
    });
    await world.relay();
    assert.equal((await world.call('GET', '/v1/whoami', { token: other.token })).status, 403);
  });
});

/** The same with another last character. */
const mistyped = (token: string): string => `${token.slice(0, -1)}${token.endsWith('x') ? 'y' : 'x'}`;

describe('a token of the gateway', () => {
  const form = (world: World, path: string, token: string, caller?: string) =>
    fetch(`${world.url}${path}`, {
      method: 'POST',
      headers: caller === undefined ? {} : { authorization: `Bearer ${caller}` },
      body: new URLSearchParams({ token }),
    });

  it('is introspected for whoever may read; one that does not work tells nothing', async (t) => {
    const world = await openWorld(t);
    const { token, tokenId } = await tokenOf(world, account('okta/alice', { groups: ['oncall'] }));
    const look = async (shown: string): Promise<Record<string, unknown>> =>
      (await (await form(world, '/v1/tokens/introspect', shown, 'token-read')).json()) as Record<
        string,
        unknown
      >;
    const found = await look(token);
    assert.deepEqual(
      [found['active'], found['sub'], found['jti'], found['groups'], found['connections']],
      [true, 'okta/alice', tokenId, ['oncall'], ['*']],
    );
    assert.deepEqual(await look('eyJ.eyJ.x'), { active: false });
    assert.deepEqual(await look(mistyped(token)), { active: false });
    assert.equal((await form(world, '/v1/tokens/introspect', token)).status, 401);
    await world.call('POST', `/v1/tokens/${tokenId}/revoke`, { body: { reason: 'lost' } });
    await world.relay();
    assert.deepEqual(await look(token), { active: false });
  });

  it('is ended by whoever has it, and by nobody who has not', async (t) => {
    const world = await openWorld(t, {}, { groupScopes: { oncall: ['read'] } });
    const { token, tokenId } = await tokenOf(world, account('okta/alice', { groups: ['oncall'] }));
    assert.equal((await form(world, '/v1/tokens/revoke', mistyped(token))).status, 200, 'tells nothing');
    assert.equal((await world.call('GET', '/v1/whoami', { token })).status, 200);
    assert.equal((await form(world, '/v1/tokens/revoke', token)).status, 200);
    await world.relay();
    assert.equal((await world.call('GET', '/v1/whoami', { token })).body['code'], 'TOKEN_REVOKED');
    const action = world.actions.find(({ subject }) => subject === `token:${tokenId}`);
    assert.deepEqual([action?.actor, action?.action], ['okta/alice', 'token.revoke']);
  });
});

describe('POST /v1/tokens/exchange', () => {
  async function open(t: TestContext, extra: Record<string, unknown> = {}) {
    const issuer = await startIssuer();
    t.after(() => issuer.close());
    const world = await openWorld(
      t,
      {},
      accessConfig({
        issuers: [
          {
            name: 'ci',
            kind: 'github-actions',
            issuer: issuer.url,
            audiences: ['countersign'],
            rules: [
              {
                name: 'main',
                match: { repository: 'acme/shop' },
                connections: ['orders', 'stock'],
                ...extra,
              },
            ],
          },
        ],
      }),
    );
    const now = Math.floor(world.clock.now() / 1000);
    const idToken = (claims: Record<string, unknown> = {}): Promise<string> =>
      issuer.sign({
        iss: issuer.url,
        aud: 'countersign',
        sub: 'repo:acme/shop:environment:production',
        repository: 'acme/shop',
        environment: 'production',
        ref: 'refs/heads/main',
        workflow: 'deploy',
        run_id: '4711',
        actor: 'alice',
        iat: now,
        exp: now + 300,
        jti: String(Math.trunc(world.clock.monotonicUs())),
        ...claims,
      });
    const exchange = async (
      fields: Record<string, string>,
      headers: Record<string, string> = {},
    ): Promise<{ status: number; body: ExchangeAnswer & Record<string, unknown> }> => {
      const response = await fetch(`${world.url}/v1/tokens/exchange`, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ grant_type: GRANT, subject_token_type: TYPE, ...fields }),
      });
      return { status: response.status, body: (await response.json()) as never };
    };
    return { issuer, world, idToken, exchange, now };
  }

  it('a CI id token becomes a short-lived token that is bound to repository, run and actor', async (t) => {
    const { world, idToken, exchange, now } = await open(t);
    const { status, body } = await exchange({ subject_token: await idToken(), audience: 'orders' });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.token_type, 'Bearer');
    assert.ok(body.expires_in <= 300 && body.expires_in > 0);
    assert.deepEqual(body.connections, ['orders']);
    assert.equal(body.identity_id, 'ci/repo:acme/shop:environment:production');
    const stored = await world.tokens.get(body.token_id);
    assert.equal(stored?.credentialSource, 'ci/acme/shop:production');
    assert.equal(stored?.issuedAt, now * 1000);
    assert.equal(stored?.expiresAt, (now + 300) * 1000);
    const { run_id, actor, repository, ref, workflow, environment } = stored.attributes;
    assert.deepEqual(
      { run_id, actor, repository, ref, workflow, environment },
      {
        run_id: '4711',
        actor: 'alice',
        repository: 'acme/shop',
        ref: 'refs/heads/main',
        workflow: 'deploy',
        environment: 'production',
      },
    );
    assert.deepEqual(world.issued, [{ tokenId: body.token_id, by: 'exchange' }]);
    assert.equal(world.actions.at(-1)!.action, 'token.exchange');
  });

  it('refusals say why in the words of OAuth and with our code, and stand in the trail', async (t) => {
    const { world, issuer, idToken, exchange, now } = await open(t);
    const cases: readonly [Record<string, string>, number, string, string][] = [
      [{ subject_token: await idToken({ repository: 'evil/shop' }) }, 403, 'invalid_grant', 'ACCESS_NO_RULE'],
      [{ subject_token: await idToken({ aud: 'aws' }) }, 401, 'invalid_grant', 'ACCESS_AUDIENCE_WRONG'],
      [{ subject_token: await idToken({ exp: now - 1 }) }, 401, 'invalid_grant', 'ACCESS_TOKEN_EXPIRED'],
      [{ subject_token: 'nonsense' }, 401, 'invalid_grant', 'TOKEN_INVALID'],
      [
        { subject_token: await idToken(), audience: 'payroll' },
        403,
        'invalid_target',
        'TOKEN_CONNECTION_DENIED',
      ],
      [{ grant_type: 'password', subject_token: 'x' }, 400, 'invalid_request', 'CONTROL_API_INVALID'],
      [{}, 400, 'invalid_request', 'CONTROL_API_INVALID'],
      [{ grant_type: 'client_credentials' }, 401, 'invalid_grant', 'ACCESS_CERTIFICATE_REFUSED'],
    ];
    for (const [fields, status, error, code] of cases) {
      const answer = await exchange(fields);
      assert.deepEqual([answer.status, answer.body['error'], answer.body['code']], [status, error, code]);
    }
    assert.ok(
      world.actions.some(({ outcome, reason }) => outcome === 'refused' && reason === 'ACCESS_NO_RULE'),
    );
    issuer.setDown(true);
    assert.equal((await world.tokens.list({ limit: 10 })).length, 0);
    assert.doesNotMatch(JSON.stringify(world.actions), /eyJ/, 'no token in the trail');
  });

  it('a flood from one address is refused before anything is read', async (t) => {
    const { exchange } = await open(t);
    const answers = await Promise.all(Array.from({ length: 400 }, () => exchange({ subject_token: 'x' })));
    const statuses = answers.map(({ status }) => status);
    assert.ok(statuses.includes(429));
    assert.ok(statuses.includes(401));
  });

  const proofOf = (
    key: SigningKey,
    claims: Record<string, unknown>,
    header: Record<string, unknown> = {},
  ): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ typ: 'dpop+jwt', alg: key.alg, jwk: key.jwk, ...header })
      .sign(key.privateKey);

  it('DPoP: the token works with its key only', async (t) => {
    const { world, issuer, now } = await open(t, {
      match: { repository: 'acme/shop' },
      identityKind: 'human',
      groups: ['auditors'],
      bindKey: 'dpop',
    });
    const key = await makeKey('client');
    const url = `${world.url}/v1/tokens/exchange`;
    const base = { htm: 'POST', htu: url, iat: now };
    const subject = (jti: string): Promise<string> =>
      issuer.sign({
        iss: issuer.url,
        aud: 'countersign',
        sub: 'alice',
        repository: 'acme/shop',
        iat: now,
        exp: now + 300,
        jti,
      });
    const send = async (dpop: string | undefined, jti: string) => {
      const response = await fetch(url, {
        method: 'POST',
        headers: dpop === undefined ? {} : { dpop },
        body: new URLSearchParams({ grant_type: GRANT, subject_token: await subject(jti) }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, string> };
    };
    assert.equal((await send(undefined, 'a')).body['code'], 'TOKEN_KEY_REQUIRED');
    const other = await makeKey('other');
    const wrong: readonly [string, Promise<string>][] = [
      ['another method', proofOf(key, { ...base, htm: 'GET', jti: '1' })],
      [
        'another address',
        proofOf(key, { ...base, htu: 'https://elsewhere.example/v1/tokens/exchange', jti: '2' }),
      ],
      ['an old one', proofOf(key, { ...base, iat: now - 600, jti: '3' })],
      ['without id', proofOf(key, base)],
      ['another type', proofOf(key, { ...base, jti: '4' }, { typ: 'JWT' })],
      ['signed by another key', proofOf({ ...key, privateKey: other.privateKey }, { ...base, jti: '5' })],
      ['for a token that is not shown', proofOf(key, { ...base, jti: '6', ath: 'x' })],
      ['no proof at all', Promise.resolve('e30.e30.e30')],
    ];
    for (const [what, proof] of wrong) {
      const answer = await send(await proof, 'b');
      assert.deepEqual([answer.status, answer.body['error']], [401, 'invalid_dpop_proof'], what);
    }
    const proof = await proofOf(key, { ...base, jti: '7' });
    const good = await send(proof, 'c');
    assert.equal(good.status, 200, JSON.stringify(good.body));
    assert.equal(good.body['token_type'], 'DPoP');
    assert.equal((await send(proof, 'd')).body['code'], 'ACCESS_PROOF_WRONG', 'a proof is good once');
    const token = good.body['access_token']!;
    const stored = await world.tokens.get(good.body['token_id']!);
    assert.equal(stored?.bindings?.key, `dpop:${await calculateJwkThumbprint(key.jwk)}`);
    const ath = createHash('sha256').update(token).digest('base64url');
    const callWith = (headers: Record<string, string>) => world.call('GET', '/v1/whoami', { token, headers });
    assert.equal((await callWith({})).body['code'], 'TOKEN_KEY_REQUIRED', 'stolen without the key');
    const call = { htm: 'GET', htu: `${world.url}/v1/whoami`, iat: now };
    const stranger = await proofOf(other, { ...call, jti: '8', ath });
    assert.equal((await callWith({ dpop: stranger })).body['code'], 'TOKEN_KEY_REQUIRED');
    const spent = () => world.store.list('spent-proofs', { limit: 10 });
    assert.equal((await spent()).length, 1, 'of the exchange; who is not let in writes nothing');
    const mine = await proofOf(key, { ...call, jti: '9', ath });
    assert.equal((await callWith({ dpop: mine })).body['subject'], 'ci/alice');
    assert.equal((await spent()).length, 2);
  });
});
