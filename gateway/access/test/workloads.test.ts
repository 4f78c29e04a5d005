/** Workloads without stored secrets: Kubernetes service accounts, GitLab jobs; and mistakes of the configuration. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { isCountersignError } from '../../../platform/errors/errors.ts';
import { createAuthority } from '../../../test/servers/rsyslog/authority.ts';
import { createSystemClock } from '../../../platform/clock/system-clock.ts';
import { makeKey, startIssuer } from './support/issuer.ts';
import { startReviewServer } from './support/token-review.ts';
import { codeOf, openWorld, START } from './support/world.ts';

const seconds = START / 1000;
const CONTEXT = { connection: 'orders', clientIp: '10.0.0.7' };
const rule = { name: 'payments', match: { '/kubernetes.io/namespace': 'payments' }, connections: ['orders'] };

/** As the API server makes them for a projected volume. */
const pod = (iss: string, extra: Record<string, unknown> = {}): Record<string, unknown> => ({
  iss,
  aud: ['countersign'],
  sub: 'system:serviceaccount:payments:api',
  iat: seconds,
  nbf: seconds,
  exp: seconds + 3607,
  jti: '8f3b6d5e-5d0c-4a39-a8f4-6d4bb0a4a8de',
  'kubernetes.io': {
    namespace: 'payments',
    node: { name: 'n1', uid: 'u1' },
    pod: { name: 'api-0', uid: '6f1c' },
    serviceaccount: { name: 'api', uid: 'u3' },
  },
  ...extra,
});

async function openReviewed(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-review-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const authority = await createAuthority(folder, createSystemClock().now());
  const { certificatePem, keyPem } = await authority.issue('apiserver');
  const key = await makeKey('sa', 'RS256');
  const server = await startReviewServer(
    { cert: certificatePem, key: keyPem },
    { credential: 'reviewer', key: key.publicKey },
  );
  t.after(() => server.close());
  const issuer = await startIssuer();
  t.after(() => issuer.close());
  const world = openWorld(t, {
    secrets: { 'k8s/reviewer': 'reviewer' },
    access: {
      issuers: [
        {
          name: 'prod',
          kind: 'kubernetes',
          issuer: 'https://kubernetes.default.svc',
          audiences: ['countersign'],
          caFile: authority.caFile,
          tokenReview: { server: server.url, credential: { vault: 'k8s/reviewer' } },
          rules: [rule],
        },
      ],
    },
  });
  const sign = (extra: Record<string, unknown> = {}, signer = key): Promise<string> =>
    issuer.sign(pod('https://kubernetes.default.svc', extra), { key: signer });
  return { world, server, sign, login: (token: string) => world.access.verifyBearer(token, CONTEXT) };
}

describe('Kubernetes service accounts', () => {
  it('by TokenReview: the API server decides, also about accounts that are gone', async (t) => {
    const { server, sign, login, world } = await openReviewed(t);
    const token = await sign();
    const found = await login(token);
    assert.ok(found.ok, JSON.stringify(found));
    const { identity } = found.value;
    assert.equal(identity.id, 'prod/system:serviceaccount:payments:api');
    assert.equal(identity.credentialSource, 'prod/payments/api');
    assert.deepEqual(
      [identity.attributes['pod'], identity.attributes['run_id'], identity.attributes['node']],
      ['api-0', '6f1c', 'n1'],
    );
    const forged = await sign({}, await makeKey('sa', 'RS256'));
    assert.equal(codeOf(await login(forged)), 'ACCESS_REVIEW_REFUSED');
    assert.equal(codeOf(await login(await sign({ aud: ['vault'] }))), 'ACCESS_REVIEW_REFUSED');
    server.knowsAudiences = false;
    assert.equal(
      codeOf(await login(await sign({ jti: '2' }))),
      'ACCESS_REVIEW_REFUSED',
      'a server that checks no audience',
    );
    server.knowsAudiences = true;
    server.deleted.add('system:serviceaccount:payments:api');
    world.clock.advance(11_000);
    assert.equal(codeOf(await login(token)), 'ACCESS_REVIEW_REFUSED', 'a deleted account');
    await server.close();
    assert.equal(codeOf(await login(await sign({ jti: '3' }))), 'ACCESS_PROVIDER_DOWN');
  });

  it('by the issuer’s keys: namespaces are told apart by claims', async (t) => {
    const issuer = await startIssuer();
    t.after(() => issuer.close());
    issuer.keys = [await makeKey('sa', 'RS256')];
    const world = openWorld(t, {
      access: {
        issuers: [
          {
            name: 'edge',
            kind: 'kubernetes',
            issuer: issuer.url,
            audiences: ['countersign'],
            jwks: { uri: `${issuer.url}/keys` },
            rules: [rule],
          },
        ],
      },
    });
    const login = async (extra: Record<string, unknown> = {}) =>
      world.access.verifyBearer(await issuer.sign(pod(issuer.url, extra)), CONTEXT);
    assert.ok((await login()).ok);
    assert.equal(codeOf(await login({ 'kubernetes.io': { namespace: 'shop' } })), 'ACCESS_NO_RULE');
    assert.equal(
      codeOf(await login({ 'kubernetes.io': undefined, namespace: 'payments' })),
      'ACCESS_NO_RULE',
    );
  });
});

describe('GitLab jobs', () => {
  it('are bound to project, environment, pipeline and user', async (t) => {
    const issuer = await startIssuer();
    t.after(() => issuer.close());
    const world = openWorld(t, {
      access: {
        issuers: [
          {
            name: 'gitlab',
            kind: 'gitlab',
            issuer: issuer.url,
            audiences: ['https://gateway.example'],
            oneUse: true,
            rules: [
              {
                name: 'deploy',
                match: {
                  project_path: ['acme/shop', 'acme/stock'],
                  ref_protected: 'true',
                  environment: 'prod*',
                },
                connections: ['orders'],
                subject: 'project:{project_id}:{environment}',
              },
            ],
          },
        ],
      },
    });
    const login = async (extra: Record<string, unknown>) =>
      world.access.verifyBearer(
        await issuer.sign({
          iss: issuer.url,
          aud: 'https://gateway.example',
          sub: 'project_path:acme/shop:ref_type:branch:ref:main',
          project_path: 'acme/shop',
          project_id: '22',
          ref: 'main',
          ref_protected: 'true',
          environment: 'production',
          pipeline_id: '212',
          job_id: '4',
          user_login: 'alice',
          iat: seconds,
          exp: seconds + 300,
          ...extra,
        }),
        CONTEXT,
      );
    const found = await login({ jti: '1' });
    assert.ok(found.ok, JSON.stringify(found));
    const { id, credentialSource, attributes } = found.value.identity;
    assert.equal(id, 'gitlab/project:22:production');
    assert.equal(credentialSource, 'gitlab/acme/shop:production');
    assert.deepEqual([attributes['run_id'], attributes['actor']], ['212', 'alice']);
    for (const wrong of [
      { project_path: 'acme/shop2' },
      { ref_protected: 'false' },
      { environment: undefined },
    ])
      assert.equal(codeOf(await login({ jti: '2', ...wrong })), 'ACCESS_NO_RULE');
  });
});

describe('mistakes of the configuration', () => {
  const refused = (
    t: TestContext,
    issuer: Record<string, unknown>,
    more: Record<string, unknown> = {},
  ): string => {
    try {
      openWorld(t, { access: { issuers: [{ name: 'x', audiences: ['a'], ...issuer }], ...more } });
    } catch (error) {
      assert.ok(isCountersignError(error, 'ACCESS_CONFIG_INVALID'));
      return error.message;
    }
    assert.fail('it was taken');
  };
  it('are found before anybody logs in', (t) => {
    const rules = [{ name: 'r', connections: ['*'] }];
    const github = { kind: 'github-actions', issuer: 'https://token.actions.githubusercontent.com' };
    assert.match(refused(t, { ...github, rules }), /anybody can get a token/);
    const starred = [{ ...rules[0], match: { repository: ['acme/*', '*'] } }];
    assert.match(refused(t, { ...github, rules: starred }), /anybody can get a token/);
    assert.match(refused(t, { kind: 'oidc', rules }), /issuer is missing/);
    assert.match(refused(t, { kind: 'oidc', issuer: 'http://idp.example', rules }), /must be https/);
    assert.match(refused(t, { kind: 'spiffe-jwt', issuer: 'https://a.example', rules }), /trustDomain/);
    const own = [{ ...rules[0], attributes: { exercise_id: '{sub}' } }];
    assert.match(refused(t, { kind: 'oidc', issuer: 'https://a.example', rules: own }), /gateway's own/);
    const nets = [{ ...rules[0], networks: ['10.0.0.0/33'] }];
    assert.match(refused(t, { kind: 'oidc', issuer: 'https://a.example', rules: nets }), /CIDR/);
    const lost = { kind: 'oidc', issuer: 'https://a.example', caFile: '/nowhere/ca.pem', rules };
    assert.match(refused(t, lost), /nowhere\/ca\.pem cannot be read/);
    const login = { issuer: 'y', clientId: 'c', scopes: [] };
    assert.match(
      refused(t, { kind: 'oidc', issuer: 'https://a.example', rules }, { login }),
      /no issuer of kind oidc/,
    );
    const other = { issuer: 'x', clientId: 'somebody-else', scopes: [] };
    assert.match(
      refused(t, { kind: 'oidc', issuer: 'https://a.example', rules }, { login: other }),
      /must hold the clientId somebody-else/,
    );
  });
});
